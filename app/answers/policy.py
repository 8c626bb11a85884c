"""What is decided before any model is asked: small talk, and what only a human may answer; pure.

Patterns, not a model: whoever asks for a person gets one, in every language of the widget, and
nothing a customer writes can talk the bot out of it. What patterns do not know, closeness to our
own sentences may (`wishes.py`).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from app.answers import policy_words as said
from app.answers import policy_words_abroad as abroad
from app.answers.asking import only_thanks
from app.answers.moves import Move as Move
from app.answers.signs import read_signs
from app.answers.splitting import questions_in, without_lead
from app.answers.topics import Topic
from app.answers.wishes import Wishes
from app.vocabulary import HandoffReason

MAX_BOT_TURNS = 30


@dataclass(frozen=True)
class Route:
    """The move; a hand-off has its reason, a policy hand-off its topic."""

    move: Move
    reason: HandoffReason | None = None
    topic: Topic | None = None
    is_unworded: bool = False
    """Heard by a sign or by meaning: the model would not know what was said."""


_SMALL_TALK = (
    (Move.DECLINED, (said.NO, abroad.NO)),
    (Move.ABILITY, (said.ABILITY,)),
    (Move.DOUBT, (said.DOUBT,)),
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
    plain = _plain(text)
    # "Are you a real person?" does not ask for one.
    if _hears((said.IDENTITY, abroad.IDENTITY), plain):
        return Route(Move.IDENTITY)
    human_please = (said.HUMAN_PLEASE, abroad.HUMAN_PLEASE)
    wants_person = _hears(human_please, text) or _hears(human_please, plain)
    if wants_person or (was_person_offered and _hears((said.YES, abroad.YES), plain)):
        return Route(Move.HANDOFF, HandoffReason.ASKED)
    if said.NOT_HELPED.search(text):
        return Route(Move.HANDOFF, HandoffReason.NOT_HELPED)
    if (sign := read_signs(text)) is not None:
        return _patient(sign, was_person_offered=was_person_offered)
    move = _small_talk(plain) or _small_talk(_plain(without_lead(text)))
    if move is None and only_thanks(text):
        move = Move.THANKS
    if move is None and wishes is not None:
        return _meant(text, wishes, was_person_offered=was_person_offered)
    return Route(move or Move.ANSWER)


def agrees(text: str) -> bool:
    """A yes that can only be one to an offer; "ok" may close what was said."""
    return _hears((said.AGREED,), _plain(text))


def _meant(text: str, wishes: Wishes, *, was_person_offered: bool) -> Route:
    """What no pattern knows, by meaning; whoever asks something is answered."""
    wish = wishes.find(text)
    if wish is not None:
        reason = HandoffReason.POLICY if wish.topic else HandoffReason.ASKED
        return Route(Move.HANDOFF, reason, wish.topic)
    talk = wishes.find_talk(without_lead(text))
    if talk is None or talk is Move.CHAT or (talk is Move.UPSET and questions_in(text)):
        return Route(Move.ANSWER)
    return _patient(talk, was_person_offered=was_person_offered)


def _patient(move: Move, *, was_person_offered: bool) -> Route:
    """Whoever is upset after a person was offered gets one."""
    if move is Move.UPSET and was_person_offered:
        return Route(Move.HANDOFF, HandoffReason.NOT_HELPED)
    return Route(move, is_unworded=True)


def _small_talk(plain: str) -> Move | None:
    return next((move for move, patterns in _SMALL_TALK if _hears(patterns, plain)), None)


def _plain(text: str) -> str:
    """Words alone, folded."""
    return " ".join(_PUNCTUATION.sub(" ", _without_marks(text.casefold())).split())


def _without_marks(text: str) -> str:
    """Letters with their own accents stay; Arabic's vowel signs go."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(char for char in composed if not unicodedata.combining(char))


def _hears(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)
