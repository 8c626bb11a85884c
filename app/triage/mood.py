"""How a ticket sounds, and how soon a person should look; pure, English words.

Sentiment is counted as VADER does it (Hutto & Gilbert 2014): words with a worth, turned round by a
negation up to three words before, made stronger by intensifiers, capitals and exclamation marks.
Priority is a ladder of reasons, the first that holds; it is told with its reason, so that nobody
has to believe it.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from app.answers.patterns import any_of
from app.answers.policy import route
from app.answers.topics import Topic
from app.answers.wishes import Wishes
from app.triage.mood_words import (
    DEADLINES,
    INTENSIFIERS,
    MONEY_LOST,
    NEGATIONS,
    REPEATED,
    SOFT,
    URGENT,
    WORTH,
)
from app.vocabulary import Priority

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|!")
_REACH = 3
_NEGATED = -0.74
_STRONGER = 1.3
_LOUD = 1.25
_EXCLAMATION = 0.3
_MAX_EXCLAMATIONS = 3
_SCALE = 15.0
_NEUTRAL = 0.2


class Mood(StrEnum):
    """How it sounds."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


@dataclass(frozen=True)
class Sentiment:
    """The mood; `score` is -1 to 1."""

    mood: Mood
    score: float


@dataclass(frozen=True)
class Urgency:
    """The priority and the reason that decided it."""

    priority: Priority
    reason: str


_URGENT_TOPICS = (Topic.SELF_HARM, Topic.SAFETY, Topic.FRAUD)
_LADDER = tuple(
    (priority, reason, any_of(lines))
    for priority, reason, lines in (
        (Priority.URGENT, "says_urgent", URGENT),
        (Priority.URGENT, "deadline", DEADLINES),
        (Priority.HIGH, "asked_before", REPEATED),
        (Priority.HIGH, "money", MONEY_LOST),
    )
)
_SOFT = any_of(SOFT)


def find_sentiment(text: str) -> Sentiment:
    """How the words sound; neutral where none is known."""
    words = _WORD.findall(text.replace("’", "'"))
    is_all_loud = text.upper() == text
    total = 0.0
    for at, word in enumerate(words):
        worth = WORTH.get(word.casefold())
        if worth is None:
            continue
        before = [one.casefold() for one in words[max(0, at - _REACH) : at]]
        if any(one in NEGATIONS or one.endswith("n't") for one in before):
            worth *= _NEGATED
        worth *= _STRONGER ** sum(one in INTENSIFIERS for one in before)
        if word.isupper() and len(word) > 2 and not is_all_loud:
            worth *= _LOUD
        total += worth
    marks = min(words.count("!"), _MAX_EXCLAMATIONS) * _EXCLAMATION
    total += math.copysign(marks, total) if total else 0.0
    score = round(total / math.sqrt(total * total + _SCALE), 2)
    return Sentiment(_mood(score), score)


def find_urgency(text: str, sentiment: Sentiment, wishes: Wishes | None = None) -> Urgency:
    """How soon a person should look, and why; `wishes` know more wordings, in English."""
    topic = route(text, wishes=wishes).topic
    if topic is not None:
        priority = Priority.URGENT if topic in _URGENT_TOPICS else Priority.HIGH
        return Urgency(priority, topic.value)
    for priority, reason, pattern in _LADDER:
        if pattern.search(text):
            return Urgency(priority, reason)
    if sentiment.score <= -0.75:
        return Urgency(Priority.HIGH, "very_negative")
    is_kind = sentiment.mood is Mood.POSITIVE and "?" not in text
    if is_kind or _SOFT.search(text):
        return Urgency(Priority.LOW, "no_hurry")
    return Urgency(Priority.NORMAL, "nothing_special")


def _mood(score: float) -> Mood:
    if abs(score) < _NEUTRAL:
        return Mood.NEUTRAL
    return Mood.POSITIVE if score > 0 else Mood.NEGATIVE
