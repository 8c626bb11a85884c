"""What the bot's last answer was, told by its words alone; pure.

Where a conversation is stored its records tell (`repository.py`). Who asks from outside brings back
only the text, so our own sentences are looked for in it, in every language that we speak. What was
said before decides whether a plain "yes" is a wish for a person, and which article "the first one"
is.
"""

import re
from dataclasses import dataclass

from app.answers.phrasebook import LANGUAGES, Phrasebook
from app.answers.phrasebooks import book_of
from app.answers.phrases import MANNER_UNKNOWN, SORRY
from app.knowledge.evidence import Verdict
from app.knowledge.search import SearchIndex


@dataclass(frozen=True)
class Earlier:
    """As `Dialogue.last_verdict` and `Dialogue.last_options`."""

    verdict: Verdict | None = None
    options: tuple[str, ...] = ()


def recall(answer: str, index: SearchIndex) -> Earlier:
    """What this answer of the bot's was; nothing where it says none of our sentences."""
    said = answer.strip()
    books = [book_of(language) for language in LANGUAGES]
    if any(_is_unknown(said, book) for book in books):
        return Earlier(Verdict.NOTHING)
    for book in books:
        options = _asked_which(said, book, index)
        if options is not None:
            return Earlier(Verdict.UNSURE, options)
    plain = said.removeprefix(f"{SORRY} ")
    is_unsure = any(plain.startswith(book.unsure_opening) for book in books)
    return Earlier(Verdict.UNSURE if is_unsure else None)


def _is_unknown(said: str, book: Phrasebook) -> bool:
    """Alone, or with the titles of articles that may help behind it."""
    ours = (*book.unknown, *(one for some in MANNER_UNKNOWN.values() for one in some))
    return any(said == one or said.startswith(f"{one} {book.cards}") for one in ours)


def _asked_which(said: str, book: Phrasebook, index: SearchIndex) -> tuple[str, ...] | None:
    """The slugs of both articles, none where one of them is gone; None: it asks something else."""
    pattern = re.escape(book.which)
    for name in ("one", "other"):
        pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>.+?)")
    found = re.fullmatch(pattern, said)
    if found is None:
        return None
    slugs = {one.article.title: one.article.slug for one in reversed(index.passages)}
    named = [slugs.get(found[name]) for name in ("one", "other")]
    return tuple(slug for slug in named if slug is not None) if None not in named else ()
