"""What stands in the thread when the word passes from one to another; pure."""

from datetime import datetime

from app.vocabulary import HandoffReason

_ASK_FOR_MAIL = " Leave your e-mail address here if we should write to you."
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


def waiting(reason: HandoffReason, opening: datetime | None, *, has_email: bool) -> str:
    """Every way into the queue tells the customer, and promises only what the hours allow.

    `opening` is when somebody is there again; None: somebody is there now.
    """
    if reason is HandoffReason.AGENT_AWAY:
        told = "We are sorry to keep you waiting. Another person will go on here."
    elif reason is HandoffReason.REOPENED:
        told = "Welcome back. Our team has your message."
    else:
        told = "We have passed your conversation to our team."
    if opening is not None:
        told = f"{told} We are back on {opening:%A, %d %B at %H:%M} ({opening:%Z})."
        return told if has_email else told + _ASK_FOR_MAIL
    if reason is HandoffReason.AGENT_AWAY:
        return told
    return f"{told} A person will answer you here."


def why(reason: HandoffReason) -> str:
    """The reason as a part of a sentence, for agents."""
    return _WHY[reason]


def joined(agent_name: str) -> str:
    """A human has taken over."""
    return f"{agent_name} has joined the conversation."


def left(agent_name: str) -> str:
    """The human has given the conversation back."""
    return f"{agent_name} has left; the assistant answers again."


def woken(is_over: bool) -> str:
    """A snooze has ended; agents read it."""
    return "Back from snooze: its time is over." if is_over else "Back from snooze."
