"""The bot's own words around a quote, and its refusals: polite, without digits, names or promises.

They are put together from two halves by a seeded generator, which gives more than sixty openings
and as many closings from lists short enough to read. An opening is one sentence, since the product
lets the model write one before the quote and one after it.
"""

from random import Random
from typing import Final

from inference.training.exchange import invented_name

OPENING_STARTS: Final = (
    "Happy to help",
    "Glad to help",
    "Of course",
    "Sure",
    "Certainly",
    "Good question",
    "Good that you ask",
    "Thanks for asking",
    "Thank you for your question",
    "Thanks for getting in touch",
    "Let me help you with that",
    "I can help with that",
    "I looked this up for you",
)
OPENING_LEADS: Final = (
    "",
    "here is what our help articles say",
    "this is what I found",
    "our help pages say this",
    "here is the part that answers it",
    "I found this in our help articles",
    "here is how it works",
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
ASKING_BACK: Final = (
    "Is this about {0} or about {1}?",
    "Do you mean {0} or {1}?",
    "I can look this up for {0} and for {1}. Which one is it?",
    "Our articles say different things for {0} and {1}. Which one do you have?",
    "Happy to help. Is it {0} or {1} you are asking about?",
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
    """One sentence that leads to a quote."""
    start, lead = rng.choice(OPENING_STARTS), rng.choice(OPENING_LEADS)
    if not lead:
        return f"{start}."
    return f"{lead[0].upper()}{lead[1:]}." if rng.random() < 0.25 else f"{start}, {lead}."


def closing(rng: Random) -> str:
    """One sentence that may follow a quote, or two."""
    check, offer = rng.choice(CLOSING_CHECKS), rng.choice(CLOSING_OFFERS)
    return rng.choice((check, offer, offer, f"{check} {offer}"))


def refusal(rng: Random) -> str:
    """No answer was found, and a person is offered."""
    return f"{rng.choice(REFUSAL_REASONS)} {rng.choice(REFUSAL_OFFERS)}"


def asking_back(first: str, second: str, rng: Random) -> str:
    """Two articles compete, and the customer has not said which one is meant."""
    return rng.choice(ASKING_BACK).format(first, second)


def company(rng: Random) -> str:
    """An invented company name for the system turn."""
    first = invented_name(rng) if rng.random() < 0.5 else rng.choice(_COMPANY_FIRST)
    return first + rng.choice(_COMPANY_SECOND)
