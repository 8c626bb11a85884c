"""What a ticket wants, by the words that say so; pure, English.

Each pattern that is found counts its weight; the intent with most weight wins, earlier ones where
two are equal. A refund of an order that was cancelled is a refund: what is wanted weighs more than
what it is about. `docs/triage.md` tells how often this is right.
"""

from dataclasses import dataclass

from app.answers.patterns import any_of
from app.triage.intent_words import SAYS, Intent


@dataclass(frozen=True)
class IntentFound:
    """The likeliest intent; `confidence` is its share of all that was found, 0 to 1."""

    intent: Intent
    confidence: float


NO_INTENT = IntentFound(Intent.OTHER, 0.0)
_PATTERNS = tuple((intent, weight, any_of(lines)) for intent, weight, lines in SAYS)


def find_intent(text: str) -> IntentFound:
    """What the ticket wants; `other` where nothing known is said."""
    found = [
        (intent, float(weight * min(len(set(pattern.findall(text.casefold()))), 2)))
        for intent, weight, pattern in _PATTERNS
    ]
    total = sum(weight for _, weight in found)
    if not total:
        return NO_INTENT
    intent, most = max(found, key=lambda one: one[1])  # the first of equals
    return IntentFound(intent, round(most / total, 2))
