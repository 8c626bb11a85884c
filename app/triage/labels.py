"""Which of a company's labels fit a ticket; pure. Only labels that exist are ever suggested.

A label fits where the ticket says it, by stem, or where one of its words is what the intent is
called by; what was said outweighs what was concluded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.knowledge.analyzer import Analyzer
from app.triage.intent_words import Intent
from app.vocabulary import Priority

MAX_LABELS = 3
_SAID, _CONCLUDED = 0.9, 0.6
_CALLED: dict[Intent, str] = {
    Intent.ORDER_STATUS: "order status tracking delivery shipping where",
    Intent.REFUND: "refund refunds money billing payments",
    Intent.RETURN: "return returns exchange",
    Intent.CANCELLATION: "cancel cancellation cancellations",
    Intent.CHANGE_ORDER: "change order orders",
    Intent.NEW_ORDER: "sales order orders presales purchase",
    Intent.DELIVERY: "delivery shipping deliveries logistics",
    Intent.PAYMENT: "payment payments billing checkout",
    Intent.INVOICE: "invoice invoices billing accounting",
    Intent.ACCOUNT: "account accounts login password",
    Intent.DEFECT: "defect defects damaged broken warranty repair quality fault",
    Intent.COMPLAINT: "complaint complaints escalation",
    Intent.FEEDBACK: "feedback review reviews praise",
    Intent.CONTACT: "contact call callback",
    Intent.OTHER: "",
}
_PRIORITIES = {Priority.URGENT: "urgent", Priority.HIGH: "important"}


@dataclass(frozen=True)
class SuggestedLabel:
    """A label of the company's, and how sure it is, 0 to 1."""

    name: str
    confidence: float


def suggest_labels(
    text: str, intent: Intent, priority: Priority, names: Sequence[str]
) -> tuple[SuggestedLabel, ...]:
    """Up to three of the existing `names`, the surest first."""
    analyzer = Analyzer()
    said = set(analyzer.terms(text))
    concluded = set(analyzer.terms(f"{_CALLED[intent]} {_PRIORITIES.get(priority, '')}"))
    found = []
    for name in names:
        terms = set(analyzer.terms(name.replace("-", " ").replace("_", " ")))
        if terms and terms <= said:
            found.append(SuggestedLabel(name, _SAID))
        elif terms & concluded:
            share = len(terms & concluded) / len(terms)
            found.append(SuggestedLabel(name, round(_CONCLUDED * share, 2)))
    return tuple(sorted(found, key=lambda one: (-one.confidence, one.name))[:MAX_LABELS])
