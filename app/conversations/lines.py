"""What stands in the thread when the word passes from one to another; pure."""

from datetime import datetime

from app.conversations.line_words import words_of
from app.vocabulary import HandoffReason

_WHY = {
    HandoffReason.ASKED: "the customer asked for a person",
    HandoffReason.NO_EVIDENCE: "no article answers the question",
    HandoffReason.POLICY: "only a person may answer this topic",
    HandoffReason.MAX_TURNS: "the bot has answered often enough",
    HandoffReason.NOT_HELPED: "the answer did not help",
    HandoffReason.ERROR: "the bot could not answer",
    HandoffReason.BOT_OFF: "the bot is switched off",
    HandoffReason.REOPENED: "the customer wrote again after it was resolved",
    HandoffReason.TRANSFERRED: "an agent put it back in the queue",
    HandoffReason.FILES: "the customer has sent a file, which the bot cannot open",
    HandoffReason.AGENT_AWAY: "its agent has been away while the customer waited",
}


def waiting(
    reason: HandoffReason, opening: datetime | None, *, has_email: bool, locale: str
) -> str:
    """Every way into the queue tells the customer, and promises only what the hours allow.

    `opening` is when somebody is there again; None: somebody is there now.
    """
    words = words_of(locale)
    told = {
        HandoffReason.AGENT_AWAY: words.sorry,
        HandoffReason.REOPENED: words.welcome_back,
    }.get(reason, words.passed_on)
    if opening is not None:
        told = f"{told} {words.back_on.format(when=words.when(opening))}"
        return told if has_email else f"{told} {words.leave_mail}"
    return told if reason is HandoffReason.AGENT_AWAY else f"{told} {words.person_here}"


def why(reason: HandoffReason) -> str:
    """The reason as a part of a sentence, for agents."""
    return _WHY[reason]


def joined(agent_name: str, locale: str) -> str:
    """A human has taken over."""
    return words_of(locale).joined.format(name=agent_name)


def left(agent_name: str, locale: str) -> str:
    """The human has given the conversation back."""
    return words_of(locale).left.format(name=agent_name)


def woken(is_over: bool) -> str:
    """A snooze has ended; agents read it."""
    return "Back from snooze: its time is over." if is_over else "Back from snooze."
