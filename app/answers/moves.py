"""What kinds of turns there are."""

from enum import StrEnum


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
    HOLD = "hold"
    """They have a question, and have not asked it yet."""
    DOUBT = "doubt"
    """Is it so, what the bot says?"""
    UPSET = "upset"
    """Displeasure that names nothing to look up."""
    CHAT = "chat"
    """A joke, a poem, a sum: what no company's articles are for."""
    UNCLEAR = "unclear"
    """Letters or signs that say nothing."""
    FILE = "file"
    """A file without a word about it."""
    HANDOFF = "handoff"
