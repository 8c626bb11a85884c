"""What is decided before any model is asked: small talk, and what only a human may answer; pure.

Patterns, not a model: whoever asks for a person gets one, in every language of the widget, and
nothing a customer writes can talk the bot out of it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from app.answers import policy_words as said
from app.answers.topics import Topic
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
    (Move.DECLINED, said.NO),
    (Move.ABILITY, said.ABILITY),
    (Move.GREETING, said.GREETING),
    (Move.GOODBYE, said.GOODBYE),
    (Move.THANKS, said.THANKS),
)
_PUNCTUATION = re.compile(r"[^\w\s'’]|_")


def route(text: str, *, was_person_offered: bool = False) -> Route:
    """What to do with a customer's words; `was_person_offered` gives a plain "yes" its meaning."""
    for topic, pattern in said.TOPICS:
        if pattern.search(text):
            return Route(Move.HANDOFF, HandoffReason.POLICY, topic)
    plain = " ".join(_PUNCTUATION.sub(" ", text.casefold()).split())
    if said.IDENTITY.search(plain):  # "are you a real person?" does not ask for one
        return Route(Move.IDENTITY)
    wants_person = said.HUMAN_PLEASE.search(text) or said.HUMAN_PLEASE.search(plain)
    if wants_person or (was_person_offered and said.YES.search(plain)):
        return Route(Move.HANDOFF, HandoffReason.ASKED)
    if said.NOT_HELPED.search(text):
        return Route(Move.HANDOFF, HandoffReason.NOT_HELPED)
    talk = next((move for move, pattern in _SMALL_TALK if pattern.search(plain)), Move.ANSWER)
    return Route(talk)
