"""What the bot says itself, in each language of the widget; pure.

The shipped model writes English only, and the rules for its own words know English only, so in
every other language the words around a quote are ours. English alone has several ways to say a
thing, and lets the model say it.
"""

from dataclasses import dataclass

from app.answers import phrases
from app.answers.moves import Move
from app.answers.topics import Topic

ENGLISH = "en"
LANGUAGES = (ENGLISH, "de", "fr", "es", "it", "pt", "nl", "ar")


@dataclass(frozen=True)
class Phrasebook:
    """Whole sentences; `{company}`, `{topics}`, `{one}`, `{other}`, `{parts}` are filled in."""

    openings: tuple[str, ...]
    closings: tuple[str, ...]
    unknown: tuple[str, ...]
    still_unknown: str
    unsure_opening: str
    unsure_closing: str
    which: str
    """Asks which of two articles is meant."""
    cards: str
    """Before the titles of articles that may help."""
    quoted: str
    correction: str
    identity: str
    ability: str
    last_and: str
    """Between the last two of a list."""
    anything: str
    """What we help with, where no topic is known."""
    unanswered: str
    """Behind answers to others of several questions."""
    small_talk: dict[Move, tuple[str, ...]]
    topics: dict[Topic, str]


ENGLISH_BOOK = Phrasebook(
    openings=phrases.OPENINGS,
    closings=phrases.CLOSINGS,
    unknown=phrases.UNKNOWN,
    still_unknown=phrases.STILL_UNKNOWN,
    unsure_opening=phrases.UNSURE_OPENING,
    unsure_closing=phrases.UNSURE_CLOSING,
    which=phrases.WHICH,
    cards=phrases.CARDS,
    quoted=phrases.QUOTED,
    correction=phrases.CORRECTION,
    identity=phrases.IDENTITY,
    ability=phrases.ABILITY,
    last_and=" and ",
    anything="our service",
    unanswered=phrases.UNANSWERED,
    small_talk=phrases.SMALL_TALK,
    topics=phrases.TOPICS,
)


def base_of(locale: str | None) -> str:
    """The language of a locale such as `pt-BR`, English where we do not speak it."""
    code = (locale or "").replace("_", "-").split("-")[0].casefold()
    return code if code in LANGUAGES else ENGLISH
