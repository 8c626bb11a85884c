"""The bot's own words around a quote, and its refusals: polite, without digits, names or promises.

Sentences are put together from two halves by a seeded generator, which gives over a hundred
openings and as many closings from lists short enough to read.
"""

from random import Random
from typing import Final

OPENING_GREETINGS: Final = (
    "",
    "Happy to help.",
    "Thanks for asking.",
    "Good question.",
    "Of course.",
    "Sure.",
    "I can help with that.",
    "Thank you for your question.",
    "Certainly.",
    "I understand.",
    "Thanks for getting in touch.",
    "Let me help you with that.",
)
OPENING_LEADS: Final = (
    "Here is what our help articles say:",
    "This is what I found:",
    "Our help pages say:",
    "This should answer your question:",
    "Here is the relevant part:",
    "I found this in our help articles:",
    "According to our help pages:",
    "The article on this says:",
    "Our information on this is:",
    "This is how it works:",
)
CLOSING_CHECKS: Final = (
    "I hope that helps.",
    "I hope this answers your question.",
    "That is what the article says.",
    "Hope this makes it clear.",
    "That should cover it.",
    "I hope this is useful.",
    "You can read more in the article.",
    "The full article has more details.",
    "",
)
CLOSING_OFFERS: Final = (
    "Is there anything else I can help with?",
    "Do you have any other questions?",
    "Can I help you with anything else?",
    "Let me know if something is unclear.",
    "Just ask if you need anything else.",
    "Would you like to know anything else?",
    "Please tell me if you need more help.",
    "Feel free to ask if you have another question.",
    "If this does not help, I can connect you with a person.",
)
REFUSAL_REASONS: Final = (
    "I'm sorry, I could not find that in our help articles.",
    "Sorry, our help articles do not answer that.",
    "I'm sorry, I do not have information on that.",
    "I looked, but our help pages do not cover this.",
    "I'm afraid I could not find an answer to that.",
    "Sorry, I do not know that, and I would rather not guess.",
    "Unfortunately, that is not in the help articles I have.",
    "I'm sorry, the articles I have do not say.",
)
REFUSAL_OFFERS: Final = (
    "Would you like to talk to a person?",
    "Shall I connect you with a person?",
    "Would you like me to hand you over to a colleague?",
    "I can bring in a person from our team, would you like that?",
    "May I pass you on to a person who can help?",
    "Would you like a person from our team to look into it?",
)

_COMPANY_FIRST: Final = (
    "Alder", "Amber", "Birch", "Blue Harbour", "Bright", "Cedar", "Clear", "Copper", "Coral",
    "Dune", "Elm", "Fern", "Fjord", "Green Hill", "Hazel", "Iris", "Juniper", "Lake", "Lark",
    "Linden", "Maple", "Meadow", "Nordic", "North", "Oak", "Olive", "Orchard", "Pine", "Quill",
    "River", "Robin", "Rowan", "Silver", "Sparrow", "Stone", "Summit", "Sun", "Tide", "Willow",
)  # fmt: skip
_COMPANY_SECOND: Final = (
    " Market", " Outfitters", " Bank", " Telecom", " Travel", " Books", " Electronics", " Energy",
    " Home", " Insurance", " Sports", " Software", " Garden", " Coffee", " Kitchen", " Cycles",
    "side Supply", "wood Goods", " & Co", " Online",
)  # fmt: skip


def opening(rng: Random) -> str:
    """A sentence that leads to a quote."""
    return _joined(rng.choice(OPENING_GREETINGS), rng.choice(OPENING_LEADS))


def closing(rng: Random) -> str:
    """A sentence or two that may follow a quote."""
    return _joined(rng.choice(CLOSING_CHECKS), rng.choice(CLOSING_OFFERS))


def refusal(rng: Random) -> str:
    """No answer was found, and a person is offered."""
    return _joined(rng.choice(REFUSAL_REASONS), rng.choice(REFUSAL_OFFERS))


def company(rng: Random) -> str:
    """An invented company name for the system turn."""
    return rng.choice(_COMPANY_FIRST) + rng.choice(_COMPANY_SECOND)


def _joined(first: str, second: str) -> str:
    return f"{first} {second}".strip()
