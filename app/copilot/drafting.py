"""A reply for an agent to look over, from the articles; pure.

The facts and rules are the bot's. It has no markers and no chips, for a person sends it; its
sources stand beside it. Who should answer is decided already, so nothing is routed.
"""

from collections.abc import Sequence

from app.answers.grounding import ground
from app.answers.parts import Copy
from app.answers.planning import (
    Plan,
    citations_of,
    looked_for,
    passages_of,
    prompt_for,
    without_banned,
)
from app.answers.policy import Move, Route, route
from app.answers.thread import Thread
from app.answers.wording import (
    MAX_CLOSING_TOKENS,
    MAX_OPENING_TOKENS,
    book_for,
    choose_words,
    own_words,
)
from app.conversations.answering import Turn
from app.knowledge.evidence import Verdict
from app.knowledge.search import SearchIndex
from app.vocabulary import Role


def plan_reply(index: SearchIndex, thread: Thread) -> Plan | None:
    """What to suggest as a reply; None where no article says anything about it."""
    asked = _questions(thread)
    if not asked:
        return None
    before = [one.text for one in thread.turns if one.role is Role.CUSTOMER and one not in asked]
    texts = [looked_for(index, thread, turn.text) for turn in asked]
    found = ground(index, texts, looked_for(index, thread, before[-1]) if before else None)
    grounding = without_banned(found, thread.policy.never_say)
    if grounding.verdict is Verdict.NOTHING or not grounding.quotes:
        return None
    book = book_for(thread)
    opening, closing = choose_words(book.openings, thread), choose_words(book.closings, thread)
    parts = [own_words(thread, opening, MAX_OPENING_TOKENS, beside_facts=True)]
    for quote in grounding.quotes:
        parts += [Copy(" "), Copy(quote.text, is_quote=True)]
    parts += [Copy(" ")] if isinstance(parts[0], Copy) else []
    parts.append(own_words(thread, closing, MAX_CLOSING_TOKENS, beside_facts=True))
    return Plan(
        Route(Move.ANSWER),
        tuple(parts),
        prompt_for(thread, asked, passages_of(grounding), parts),
        citations_of(grounding.quotes),
        verdict=grounding.verdict,
        coverage=grounding.coverage,
        question="\n".join(texts),
    )


def _questions(thread: Thread) -> Sequence[Turn]:
    """What waits for an answer, else what the customer said last; greetings aside."""
    said = [turn for turn in thread.turns if turn.role is Role.CUSTOMER]
    asked = thread.waiting or tuple(said[-1:])
    real = [turn for turn in asked if route(turn.text).move is Move.ANSWER]
    if real or not said:
        return real
    return [turn for turn in said if route(turn.text).move is Move.ANSWER][-1:]
