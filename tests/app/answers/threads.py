"""Conversations as the bot reads them."""

from dataclasses import replace

from app.answers.thread import Thread
from app.conversations.answering import Turn
from app.knowledge.evidence import Verdict
from app.vocabulary import MessageState, Role
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerPolicy

COMPANY = "Fernhill Supply"


def said(text: str, seq: int = 1) -> Turn:
    """A customer's message."""
    return Turn(Role.CUSTOMER, text, seq, MessageState.COMPLETE)


def answered(text: str = "An answer.", seq: int = 2) -> Turn:
    """A whole answer of the bot."""
    return Turn(Role.BOT, text, seq, MessageState.COMPLETE)


def cut_off(text: str = "Half of an answer.", seq: int = 2) -> Turn:
    """What is left of an answer that somebody ended."""
    return Turn(Role.BOT, text, seq, MessageState.INTERRUPTED)


def thread(
    *turns: Turn,
    answered_seq: int = 0,
    last_verdict: Verdict | None = None,
    policy: AnswerPolicy = DEFAULT_POLICY,
    locale: str = "en",
) -> Thread:
    """A conversation of Fernhill's; what came after `answered_seq` is pending."""
    topics = ("delivery", "returns")
    known = Thread(COMPANY, topics, turns, answered_seq, last_verdict, seed=1)
    return replace(known, policy=policy, locale=locale)
