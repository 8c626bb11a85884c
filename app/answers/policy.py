"""What is decided before any model is asked: small talk, and what only a human may answer; pure.

Patterns, not a model: whoever asks for a person gets one, in every language of the widget, and
nothing a customer writes can talk the bot out of it. What patterns do not know, closeness to our
own sentences may (`wishes.py`).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.answers import policy_words as said
from app.answers import policy_words_abroad as abroad
from app.answers.asking import only_thanks
from app.answers.topics import Topic
from app.answers.wishes import Wishes
from app.vocabulary import HandoffReason

MAX_BOT_TURNS = 30


class Move(StrEnum):
    """What kind of turn this is."""

    ANSWER = "answer"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    DECLINED = "declined"
    """No to the offer of a person."""
    IDENTITY = "identity"
    ABILITY = "ability"
    HANDOFF = "handoff"


@dataclass(frozen=True)
class Route:
    """The move; a hand-off has its reason, a policy hand-off its topic."""

    move: Move
    reason: HandoffReason | None = None
    topic: Topic | None = None


_SMALL_TALK = (
    (Move.DECLINED, (said.NO, abroad.NO)),
    (Move.ABILITY, (said.ABILITY,)),
    (Move.GREETING, (said.GREETING, abroad.GREETING)),
    (Move.GOODBYE, (said.GOODBYE, abroad.GOODBYE)),
    (Move.THANKS, (said.THANKS, abroad.THANKS)),
)
_PUNCTUATION = re.compile(r"[^\w\s'’]|_")


def route(text: str, *, was_person_offered: bool = False, wishes: Wishes | None = None) -> Route:
    """What to do with a customer's words; `was_person_offered` gives a plain "yes" its meaning.

    `wishes` know what no pattern does, in English.
    """
    for topic, pattern in (*said.TOPICS, *abroad.TOPICS):
        if pattern.search(text):
            return Route(Move.HANDOFF, HandoffReason.POLICY, topic)
    plain = " ".join(_PUNCTUATION.sub(" ", _without_marks(text.casefold())).split())
    # "Are you a real person?" does not ask for one.
    if _hears((said.IDENTITY, abroad.IDENTITY), plain):
        return Route(Move.IDENTITY)
    human_please = (said.HUMAN_PLEASE, abroad.HUMAN_PLEASE)
    wants_person = _hears(human_please, text) or _hears(human_please, plain)
    if wants_person or (was_person_offered and _hears((said.YES, abroad.YES), plain)):
        return Route(Move.HANDOFF, HandoffReason.ASKED)
    if said.NOT_HELPED.search(text):
        return Route(Move.HANDOFF, HandoffReason.NOT_HELPED)
    talk = (move for move, patterns in _SMALL_TALK if _hears(patterns, plain))
    move = next(talk, Move.THANKS if only_thanks(text) else Move.ANSWER)
    wish = wishes.find(text) if wishes is not None and move is Move.ANSWER else None
    if wish is not None:
        reason = HandoffReason.POLICY if wish.topic else HandoffReason.ASKED
        return Route(Move.HANDOFF, reason, wish.topic)
    return Route(move)


def _without_marks(text: str) -> str:
    """Letters with their own accents stay; Arabic's vowel signs go."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(char for char in composed if not unicodedata.combining(char))


def _hears(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)
