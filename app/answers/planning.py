"""What the next turn will be, decided before the engine writes a word; pure.

A plan is the answer's shape: own words of the model, each with a sentence to fall back on, and
copies that must stand letter by letter. All facts are copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.answers import phrases
from app.answers.asking import says_thanks
from app.answers.clarifying import cards, competing, ground_in, picked, title_of
from app.answers.context import estimate_tokens
from app.answers.free_release import MAX_FREE_TOKENS, Free, Mending
from app.answers.grounding import Grounding, ground
from app.answers.guards import has_banned
from app.answers.manners import Manner, without_order_number
from app.answers.parts import Copy, Own, Part
from app.answers.phrasebook import ENGLISH
from app.answers.policy import Move, Route, agrees, route
from app.answers.prompt import Prompt, Talk, build_prompt
from app.answers.slips import slips_of
from app.answers.thread import Thread
from app.answers.wishes import Wishes, wishes_of
from app.answers.wording import (
    book_for,
    frame_for,
    is_offer,
    listed,
    manner_for,
    own_words,
    setting_of,
    speaks_of_a_person,
    unanswered_words,
    unknown_words,
)
from app.conversations.answering import Turn
from app.conversations.schemas import Citation
from app.knowledge.evidence import Verdict
from app.knowledge.passages import Passage
from app.knowledge.quotes import Quote
from app.knowledge.search import SearchIndex
from app.knowledge.service import article_url
from app.privacy.masking import cut_out
from app.vocabulary import Chip, HandoffReason
from app.workspace.answer_policy import AnswerMode, ReleaseMode

_NUM_PASSAGES = 3
_MAX_TALK_TOKENS = 24
_NUM_TOPICS_NAMED = 4
_OURS = (Move.DECLINED, Move.HOLD, Move.DOUBT, Move.UPSET, Move.CHAT, Move.UNCLEAR, Move.FILE)
"""Where the model goes on as if nothing had been said."""


@dataclass(frozen=True)
class Plan:
    """One turn of the bot. Without parts nothing is said before the hand-off."""

    route: Route
    parts: tuple[Part, ...] = ()
    prompt: Prompt | None = None
    """What the engine is asked; None where it is not."""
    citations: tuple[Citation, ...] = ()
    chips: tuple[Chip, ...] = ()
    verdict: Verdict | None = None
    coverage: float | None = None
    handoff: HandoffReason | None = None
    """The word passes to a human when the turn is over."""
    articles: tuple[str, ...] = ()
    """Slugs of what was found, best first."""
    question: str = ""
    """What was looked for."""
    free: Free | None = None
    """Where the model may state facts itself: then `parts` stand in for what it must not."""
    release: ReleaseMode = ReleaseMode.SENTENCE
    options: tuple[str, ...] = ()
    """Slugs of the articles that it asks about."""
    gaps: tuple[str, ...] = ()
    """What was asked and no article answers."""


def needs_no_words(thread: Thread, wishes: Wishes) -> HandoffReason | None:
    """Why a human is to come at once, before the bot says anything; None when it speaks first."""
    handoff = _find_handoff(_routes(thread, wishes))
    return None if handoff is None or handoff.topic else handoff.reason


def make_plan(index: SearchIndex, thread: Thread) -> Plan:
    """Decide the turn; the same thread gives the same plan."""
    return replace(_decide(index, thread), release=thread.policy.release)


def _decide(index: SearchIndex, thread: Thread) -> Plan:
    routes = _routes(thread, wishes_of(index.meaning))
    handoff = _find_handoff(routes)
    if handoff is not None:
        return _handoff(thread, handoff)
    questions = [
        turn
        for turn, routed in zip(thread.waiting, routes, strict=True)
        if routed.move is Move.ANSWER
    ]
    if not questions:
        return _small_talk(thread, routes[-1] if routes else Route(Move.GREETING))
    grounding = _ground(index, thread, questions)
    if grounding.verdict is not Verdict.ANSWER and _only_chats(index, thread, questions):
        return _small_talk(thread, Route(Move.CHAT))
    match grounding.verdict:
        case Verdict.ANSWER:
            return _grounded(thread, questions, grounding)
        case Verdict.UNSURE if not _failed_before(thread):
            return _unsure(thread, questions, grounding)
        case _:
            return _unknown(thread, questions, grounding)


def _only_chats(index: SearchIndex, thread: Thread, questions: Sequence[Turn]) -> bool:
    """Nothing of it is any company's business."""
    if thread.language != ENGLISH:
        return False
    wishes = wishes_of(index.meaning)
    return all(wishes.find_talk(turn.text) is Move.CHAT for turn in questions)


def _ground(index: SearchIndex, thread: Thread, questions: Sequence[Turn]) -> Grounding:
    texts = [looked_for(index, thread, turn.text) for turn in questions]
    before = looked_for(index, thread, thread.asked_before or "") or None
    found = _ground_in_picked(index, thread, texts, before) or ground(
        index, texts, before, thread.told_before
    )
    return without_banned(found, thread.policy.never_say)


def looked_for(index: SearchIndex, thread: Thread, text: str) -> str:
    """What the articles are asked: without personal data, without slips of the fingers."""
    bare = cut_out(text)
    if thread.language != ENGLISH:
        return bare
    return slips_of(index).mend(without_order_number(bare))


def _ground_in_picked(
    index: SearchIndex, thread: Thread, texts: Sequence[str], before: str | None
) -> Grounding | None:
    """The answer to our question which article is meant."""
    titles = [title_of(index, slug) for slug in thread.options]
    if before is None or len(titles) != 2 or None in titles:
        return None
    at = picked("\n".join(texts), [title or "" for title in titles])
    return None if at is None else ground_in(index, before, thread.options[at])


def citation(marker: int, passage: Passage, quote: str) -> Citation:
    """Where a quote stands: the paragraph of the version that was quoted."""
    article, paragraph = passage.article, passage.paragraph
    return Citation(
        marker=marker,
        article_id=article.article_id,
        version=article.version,
        title=article.title,
        paragraph=paragraph,
        quote=quote,
        url=article_url(article.slug, article.version, paragraph),
    )


def _routes(thread: Thread, wishes: Wishes) -> list[Route]:
    known = wishes if thread.language == ENGLISH else None
    failed, is_near = _failed_before(thread), speaks_of_a_person(thread.told_before)
    return [
        route(text, was_person_offered=failed or (is_near and agrees(text)), wishes=known)
        for text in thread.pending
    ]


def _find_handoff(routes: Sequence[Route]) -> Route | None:
    return next((routed for routed in routes if routed.move is Move.HANDOFF), None)


def _failed_before(thread: Thread) -> bool:
    """The last answer was none, and offered a person."""
    is_none = thread.last_verdict in (Verdict.NOTHING, Verdict.UNSURE)
    return is_none or is_offer(thread.told_before)


def _handoff(thread: Thread, routed: Route) -> Plan:
    parts = (Copy(book_for(thread).topics[routed.topic]),) if routed.topic else ()
    return Plan(routed, parts, handoff=routed.reason)


def _small_talk(thread: Thread, routed: Route) -> Plan:
    """The model's own in English; in other languages ours, and the engine is not asked."""
    book, is_english = book_for(thread), thread.language == ENGLISH
    is_first = not thread.told_before and not any(map(says_thanks, thread.pending))
    if routed.move is Move.THANKS and is_first:
        # "ok" as the first word thanks for nothing
        routed = replace(routed, move=Move.GREETING)
    said = book.small_talk[routed.move]
    topics = listed(thread.topics[:_NUM_TOPICS_NAMED], book)
    ability = book.ability.format(company=thread.company, topics=topics)
    if routed.move in _OURS or routed.is_unworded:
        told = (*said, ability) if routed.move is Move.CHAT else said
        chips = (Chip.HUMAN,) if routed.move in (Move.UPSET, Move.DOUBT, Move.FILE) else ()
        return Plan(routed, (Copy(" ".join(told)),), chips=chips)
    own = [own_words(thread, sentence, _MAX_TALK_TOKENS, beside_facts=False) for sentence in said]
    facts = {
        Move.IDENTITY: book.identity.format(company=thread.company),
        Move.ABILITY: ability,
    }
    parts: tuple[Part, ...] = tuple(own)
    if routed.move in facts:
        space = () if is_english else (Copy(" "),)
        parts = (Copy(facts[routed.move]), *space, *own)
    chips = (Chip.HUMAN,) if routed.move is Move.IDENTITY else ()
    prompt = prompt_for(thread, thread.waiting, (), parts) if is_english else None
    return Plan(routed, parts, prompt, chips=chips)


def _grounded(thread: Thread, questions: Sequence[Turn], grounding: Grounding) -> Plan:
    frame, book = frame_for(thread), book_for(thread)
    parts = [frame.opening, *_quoted(grounding.quotes, 1)]
    if grounding.unsure:
        parts += [
            Copy(f" {book.unsure_opening}"),
            *_quoted(grounding.unsure, len(grounding.quotes) + 1),
        ]
    left = unanswered_words(thread, grounding.unanswered)
    parts += [Copy(f" {left}")] if left else [frame.closing]
    free = _free(thread, grounding, parts) if thread.policy.mode is AnswerMode.FREE else None
    return Plan(
        Route(Move.ANSWER),
        tuple(parts),
        prompt_for(thread, questions, passages_of(grounding), parts, MAX_FREE_TOKENS * bool(free)),
        citations_of((*grounding.quotes, *grounding.unsure)),
        (Chip.HELPED, Chip.NOT_HELPED, Chip.HUMAN),
        grounding.verdict,
        grounding.coverage,
        articles=_slugs(grounding),
        question=_joined(questions),
        free=free,
        gaps=grounding.unanswered,
    )


def _quoted(quotes: Sequence[Quote], first: int) -> list[Part]:
    """Each quote with its marker."""
    parts: list[Part] = []
    for marker, quote in enumerate(quotes, start=first):
        parts += [Copy(" "), Copy(quote.text, is_quote=True), Copy(f" [{marker}]")]
    return parts


def without_banned(grounding: Grounding, never_say: tuple[str, ...]) -> Grounding:
    """Quotes that this company does not say are as if they had not been found."""
    quotes, related, unsure = (
        tuple(one for one in some if not has_banned(one.text, never_say))
        for some in (grounding.quotes, grounding.related, grounding.unsure)
    )
    is_lost = bool(grounding.quotes) and not quotes
    verdict = Verdict.NOTHING if is_lost else grounding.verdict
    return replace(grounding, verdict=verdict, quotes=quotes, related=related, unsure=unsure)


def _free(thread: Thread, grounding: Grounding, parts: Sequence[Part]) -> Free:
    book = book_for(thread)
    quotes = tuple(quote.text for quote in grounding.quotes)
    mending = Mending(tuple(parts), quotes, book.quoted, book.correction)
    return Free(tuple(passages_of(grounding)), setting_of(thread, beside_facts=True), mending)


def citations_of(quotes: Sequence[Quote]) -> tuple[Citation, ...]:
    """Each quote with its marker, from 1."""
    return tuple(citation(at, quote.passage, quote.text) for at, quote in enumerate(quotes, 1))


def _unsure(thread: Thread, questions: Sequence[Turn], grounding: Grounding) -> Plan:
    quote, book = grounding.quotes[0], book_for(thread)
    rivals = competing(grounding)
    if rivals is not None:
        return _which(thread, questions, grounding, rivals)
    sorry = f"{phrases.SORRY} " if manner_for(thread) is Manner.SORRY else ""
    parts = (
        Copy(f"{sorry}{book.unsure_opening} "),
        Copy(quote.text, is_quote=True),
        Copy(f" [1] {book.unsure_closing}"),
    )
    return Plan(
        Route(Move.ANSWER),
        parts,
        prompt_for(thread, questions, passages_of(grounding), parts),
        citations_of((quote,)),
        (Chip.HELPED, Chip.NOT_HELPED, Chip.HUMAN),
        grounding.verdict,
        grounding.coverage,
        articles=_slugs(grounding),
        question=_joined(questions),
    )


def _which(
    thread: Thread, questions: Sequence[Turn], grounding: Grounding, rivals: Sequence[Quote]
) -> Plan:
    """Ask once which of two articles is meant."""
    one, other = (quote.passage.article for quote in rivals)
    parts = (Copy(book_for(thread).which.format(one=one.title, other=other.title)),)
    return Plan(
        Route(Move.ANSWER),
        parts,
        prompt_for(thread, questions, (), parts),
        chips=(Chip.HUMAN,),
        verdict=grounding.verdict,
        coverage=grounding.coverage,
        articles=_slugs(grounding),
        question=_joined(questions),
        options=(one.slug, other.slug),
    )


def _unknown(thread: Thread, questions: Sequence[Turn], grounding: Grounding) -> Plan:
    """Say so and offer a person; the second time in a row, bring one."""
    is_second = _failed_before(thread)
    book = book_for(thread)
    text = book.still_unknown if is_second else unknown_words(thread)
    near = () if is_second else cards(grounding)
    titles = " ".join(f"“{one.passage.article.title}” [{at}]" for at, one in enumerate(near, 1))
    parts = (Copy(f"{text} {book.cards} {titles}" if near else text),)
    return Plan(
        Route(Move.ANSWER),
        parts,
        prompt_for(thread, questions, (), parts),
        citations_of(near),
        chips=() if is_second else (Chip.HUMAN,),
        verdict=Verdict.NOTHING,
        coverage=grounding.coverage,
        handoff=HandoffReason.NO_EVIDENCE if is_second else None,
        articles=_slugs(grounding),
        question=_joined(questions),
        gaps=(_joined(questions),),
    )


def passages_of(grounding: Grounding) -> list[Passage]:
    """What the model is given to read, the quoted ones first."""
    quoted = (*grounding.quotes, *grounding.unsure)
    quotes = (*quoted, *grounding.related)
    return [quote.passage for quote in quotes[: max(_NUM_PASSAGES, len(quoted))]]


def prompt_for(
    thread: Thread,
    asked: Sequence[Turn],
    passages: Sequence[Passage],
    parts: Sequence[Part],
    num_free_tokens: int = 0,
) -> Prompt:
    """The prompt for the questions; so many tokens of an answer are kept free."""
    talk = Talk(thread.company, thread.turns, thread.pasts, thread.window, thread.policy)
    seqs = [turn.seq for turn in asked]
    num_tokens = max(_num_tokens(parts), num_free_tokens)
    return build_prompt(talk, seqs, thread.history_seq, passages, num_tokens)


def _num_tokens(parts: Sequence[Part]) -> int:
    """The most that an answer may have, quote markers included."""
    return sum(
        part.max_tokens if isinstance(part, Own) else estimate_tokens(part.text) + 2
        for part in parts
    )


def _joined(questions: Sequence[Turn]) -> str:
    return "\n".join(turn.text for turn in questions)


def _slugs(grounding: Grounding) -> tuple[str, ...]:
    quotes = (*grounding.quotes, *grounding.unsure, *grounding.related)
    return tuple(dict.fromkeys(quote.passage.article.slug for quote in quotes))
