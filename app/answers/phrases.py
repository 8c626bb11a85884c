"""Sentences the bot says without a model: where it must not be creative, or was and must not."""

import hashlib

from app.answers.manners import Manner
from app.answers.moves import Move
from app.answers.topics import Topic

OPENINGS = (
    "Happy to help with that.",
    "Thank you for your question.",
    "Good that you ask.",
    "Here is what our help articles say.",
)
CLOSINGS = (
    "Is there anything else I can help you with?",
    "Do you have any other questions?",
    "Please tell me if you need more help.",
    "Just ask if anything is unclear.",
)
UNKNOWN = (
    "I'm sorry, I could not find that in our help articles. Would you like to talk to a person?",
    "Sorry, our help articles do not answer that, and I would rather not guess. "
    "Shall I connect you with a person?",
    "I'm sorry, I do not have information on that. "
    "Would you like a person from our team to look into it?",
)
UNANSWERED = "I could not find an answer to {parts}; a person from our team can help with that."
SORRY = "I'm sorry about that."
# By manner, where it is not the plain one.
MANNER_OPENINGS: dict[Manner, tuple[str, ...]] = {
    Manner.SORRY: (
        "I'm sorry about that. Here is what our help articles say.",
        "I'm sorry to hear that. Our help articles say this.",
    ),
    Manner.DEED: ("I cannot do this myself, but our help articles say how it works.",),
    Manner.LOOK_UP: ("I cannot look into single orders myself, but our help articles say this.",),
}
MANNER_CLOSINGS: dict[Manner, tuple[str, ...]] = {
    Manner.SORRY: (
        "If that does not solve it, I can connect you with a person.",
        "Please tell me if that does not help, and I connect you with a person.",
    ),
    Manner.DEED: ("If that does not work for you, I can connect you with a person.",),
    Manner.LOOK_UP: ("If you need someone to look into it, I can connect you with a person.",),
}
MANNER_UNKNOWN: dict[Manner, tuple[str, ...]] = {
    Manner.SORRY: (
        "I'm sorry to hear that. Our help articles do not say what to do about it, so a person "
        "should look at it. Shall I connect you?",
    ),
    Manner.DEED: (
        "I cannot do this myself, and our help articles do not say how it works. "
        "Shall I connect you with a person?",
    ),
    Manner.LOOK_UP: (
        "I cannot look into single orders myself, and our help articles do not answer this. "
        "Shall I connect you with a person?",
    ),
}
STILL_UNKNOWN = (
    "I'm sorry, I could not find this one either, so I am bringing in a person from our team."
)
WHICH = "Do you mean “{one}” (1) or “{other}” (2)?"
CARDS = "Perhaps one of these articles helps:"
QUOTED = "Our help articles say:"
CORRECTION = "I cannot confirm this. Our help articles say:"
UNSURE_OPENING = "I am not sure that this is what you mean, but our help articles say:"
UNSURE_CLOSING = "If that is not it, please ask in other words, or choose to talk to a person."
IDENTITY = (
    "I am an AI assistant of {company}, not a person. A person from our team is one tap away."
)
ABILITY = "I can answer questions from the help articles of {company}, about {topics} for example."
SMALL_TALK: dict[Move, tuple[str, ...]] = {
    Move.GREETING: ("Hello!", "How can I help you?"),
    Move.THANKS: ("You are welcome.", "Is there anything else I can help with?"),
    Move.GOODBYE: ("Goodbye, and thank you for writing to us.",),
    Move.DECLINED: ("All right.", "What else can I help you with?"),
    Move.IDENTITY: ("How can I help you?",),
    Move.ABILITY: ("What would you like to know?",),
    Move.HOLD: ("Of course. Please tell me in a sentence what it is about.",),
    Move.DOUBT: (
        "What I quote stands in our help articles, and the numbers behind it open the source. "
        "If you would like to be sure, a person from our team can confirm it.",
    ),
    Move.UPSET: (
        "I'm sorry that this is frustrating. Please tell me in a sentence what went wrong, "
        "or shall I connect you with a person?",
    ),
    Move.CHAT: ("I'm afraid that is not something I can help with.",),
    Move.FILE: (
        "Thank you for the file. I cannot look inside it, but a person from our team can. What "
        "would you like to know?",
    ),
    Move.UNCLEAR: ("Sorry, I did not get that. Could you put your question in a few words?",),
}
TOPICS: dict[Topic, str] = {
    Topic.SELF_HARM: (
        "I am really sorry that you feel this way, and you should not be alone with it. "
        "If you are in danger, please call your local emergency number now. "
        "I am bringing in a person from our team."
    ),
    Topic.SAFETY: (
        "Your safety comes first. If anybody is hurt or in danger, please call your local "
        "emergency number now, and stop using the product. A person from our team takes over."
    ),
    Topic.FRAUD: (
        "Thank you for telling us. This should be looked at by a person right away, so I am "
        "handing you over. Please do not share card numbers or passwords in this chat."
    ),
    Topic.MONEY: (
        "I'm sorry about this. A person should look into the payment, so I am handing you over. "
        "Please do not share card numbers in this chat."
    ),
    Topic.LEGAL: "I cannot help with legal matters, so I am handing you over to a person.",
    Topic.COMPLAINT: (
        "I'm sorry that we gave you reason to complain. "
        "A person should hear this, so I am handing you over."
    ),
    Topic.ABUSE: "I'm sorry that this is frustrating. A person from our team will take over.",
}


def choose(options: tuple[str, ...], seed: int) -> str:
    """One of the sentences; the same seed gives the same one."""
    return options[hashlib.sha256(str(seed).encode()).digest()[0] % len(options)]
