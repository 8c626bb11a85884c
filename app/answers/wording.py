"""The words around what is quoted: in the customer's language, and in a manner that fits; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.answers import phrases
from app.answers.guards import Setting, clean, has_banned, has_link_or_markup
from app.answers.manners import Manner, manner_of
from app.answers.moves import Move
from app.answers.parts import Copy, Own, Part
from app.answers.phrasebook import ENGLISH, LANGUAGES, Phrasebook
from app.answers.phrasebooks import book_of
from app.answers.thread import Thread
from app.knowledge.sentences import split_sentences

MAX_OPENING_TOKENS = 16
MAX_CLOSING_TOKENS = 20
_MAX_TOLD_CHARS = 80


@dataclass(frozen=True)
class Frame:
    """What stands before and behind the quotes."""

    opening: Part
    closing: Part


def frame_for(thread: Thread) -> Frame:
    """The model's own words where nothing has to be said first; ours where it has."""
    manner = manner_for(thread)
    if manner is not Manner.PLAIN:
        opening = choose_words(phrases.MANNER_OPENINGS[manner], thread)
        closing = choose_words(phrases.MANNER_CLOSINGS[manner], thread)
        return Frame(Copy(opening), Copy(f" {closing}"))
    book = book_for(thread)
    opening, closing = choose_words(book.openings, thread), choose_words(book.closings, thread)
    if thread.language != ENGLISH:
        return Frame(Copy(opening), Copy(f" {closing}"))
    return Frame(
        own_words(thread, opening, MAX_OPENING_TOKENS, beside_facts=True),
        own_words(thread, closing, MAX_CLOSING_TOKENS, beside_facts=True),
    )


def manner_for(thread: Thread) -> Manner:
    """Of what waits for an answer; plain in a language whose mishaps we do not know."""
    if thread.language != ENGLISH:
        return Manner.PLAIN
    return manner_of("\n".join(thread.pending))


def unknown_words(thread: Thread) -> str:
    """That no article answers, with the offer of a person."""
    manner = manner_for(thread)
    options = phrases.MANNER_UNKNOWN.get(manner, book_for(thread).unknown)
    return choose_words(options, thread)


def is_offer(said: str) -> bool:
    """Whether these words of ours, in any language, ask whether a person should come."""
    offers = (book_of(language).small_talk[Move.UPSET] for language in LANGUAGES)
    return bool(said) and any(said == " ".join(words) for words in offers)


def speaks_of_a_person(said: str) -> bool:
    """Whether an English answer ends with one who can be had: "yes please" is for them."""
    last = split_sentences(said)[-1:]
    return any(re.search(r"\bperson\b", one) for one in last)


def unanswered_words(thread: Thread, parts: Sequence[str]) -> str:
    """Which of several questions are left, told in the customer's own words; "" for none.

    What should not stand in an answer is not repeated: then the whole is called unknown.
    """
    if not parts:
        return ""
    told = [_cut(clean(one)) for one in parts]
    never_say = thread.policy.never_say
    book = book_for(thread)
    if any(has_link_or_markup(one) or has_banned(one, never_say) for one in told):
        return choose_words(book.unknown, thread)
    return book.unanswered.format(parts=listed([f"“{one}”" for one in told], book))


def book_for(thread: Thread) -> Phrasebook:
    """What is said in the customer's language."""
    return book_of(thread.language)


def own_words(thread: Thread, sentence: str, max_tokens: int, *, beside_facts: bool) -> Part:
    """The model may say it otherwise, in the one language that our rules for its words know."""
    if thread.language != ENGLISH:
        return Copy(sentence)
    return Own(sentence, setting_of(thread, beside_facts=beside_facts), max_tokens)


def setting_of(thread: Thread, *, beside_facts: bool) -> Setting:
    """What the model's own words are checked by."""
    policy = thread.policy
    return Setting(thread.company, beside_facts, policy.guidance, policy.never_say)


def choose_words(options: Sequence[str], thread: Thread) -> str:
    """One of our sentences, without the company's banned words where one has none."""
    said = [one for one in options if not has_banned(one, thread.policy.never_say)]
    return phrases.choose(tuple(said) or tuple(options), thread.seed)


def listed(words: Sequence[str], book: Phrasebook) -> str:
    """As a list is told; what we help with where nothing is in it."""
    if len(words) < 2:
        return "".join(words) or book.anything
    return f"{', '.join(words[:-1])}{book.last_and}{words[-1]}"


def _cut(text: str) -> str:
    """A question's beginning, without its mark."""
    plain = " ".join(text.split()).rstrip("?!., ")
    if len(plain) <= _MAX_TOLD_CHARS:
        return plain
    return plain[:_MAX_TOLD_CHARS].rsplit(" ", 1)[0] + "…"
