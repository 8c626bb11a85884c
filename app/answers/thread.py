"""A conversation as the bot reads it; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.answers.asking import asks_something
from app.answers.context import SHIPPED_WINDOW, Past, Window
from app.answers.language import find_language
from app.answers.phrasebook import ENGLISH, LANGUAGES, base_of
from app.answers.splitting import continues
from app.conversations.answering import Turn
from app.knowledge.evidence import Verdict
from app.privacy.masking import mask
from app.vocabulary import MessageState, Role
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerPolicy, PiiMasking


@dataclass(frozen=True)
class Thread:
    """A conversation as the bot reads it."""

    company: str
    topics: tuple[str, ...]
    turns: tuple[Turn, ...]
    """Oldest first."""
    answered_seq: int = 0
    """What the customer said after it waits for an answer."""
    last_verdict: Verdict | None = None
    """Of the last answer, if it was about the articles."""
    seed: int = 0
    pasts: tuple[Past, ...] = ()
    """The answers that the engine has computed, oldest first."""
    window: Window = SHIPPED_WINDOW
    policy: AnswerPolicy = DEFAULT_POLICY
    options: tuple[str, ...] = ()
    """Slugs of the two articles that the last answer asked about, if it did."""
    locale: str = ENGLISH
    """As their widget said it."""

    @property
    def language(self) -> str:
        """What the customer writes now, as far as that can be told; else what their widget said."""
        return language_of("\n".join(self.pending), self.locale)

    @property
    def waiting(self) -> tuple[Turn, ...]:
        """The customer's unanswered messages."""
        return tuple(
            turn
            for turn in self.turns
            if turn.seq > self.answered_seq and turn.role is Role.CUSTOMER
        )

    @property
    def pending(self) -> tuple[str, ...]:
        """Their texts."""
        return tuple(turn.text for turn in self.waiting)

    @property
    def history_seq(self) -> int:
        """Up to here the conversation stands before the question.

        What is left of an answer that a newer message cut off was read, so it is in it.
        """
        released = (
            turn.seq
            for turn in self.turns
            if turn.role is Role.BOT and turn.state is MessageState.INTERRUPTED
        )
        return max(self.answered_seq, *released, 0)

    @property
    def earlier(self) -> tuple[Turn, ...]:
        """What was said before; answers that were cut off are not in it."""
        return tuple(
            turn
            for turn in self.turns
            if turn.seq <= self.answered_seq and turn.state is MessageState.COMPLETE
        )

    @property
    def asked_before(self) -> str | None:
        """The customer's last question before the pending ones, with the one that it continues.

        Thanks and the like in between ask nothing; only they were said where nothing was asked.
        """
        said = [turn.text for turn in self.earlier if turn.role is Role.CUSTOMER]
        asked = [text for text in said if asks_something(text)] or said
        if len(asked) > 1 and continues(asked[-1]):
            return "\n".join(asked[-2:])
        return asked[-1] if asked else None

    @property
    def told_before(self) -> str:
        """What the bot said last."""
        said = [turn.text for turn in self.earlier if turn.role is Role.BOT]
        return said[-1] if said else ""


def language_of(text: str, locale: str) -> str:
    """One of the languages we speak."""
    found = find_language(text, locale).code
    return found if found in LANGUAGES else base_of(locale)


def masked_turns(turns: Iterable[Turn], masking: PiiMasking) -> tuple[Turn, ...]:
    """The turns as the model may see them; what the bot said came from articles and stays."""
    if masking is PiiMasking.OFF:
        return tuple(turns)
    return tuple(
        turn if turn.role is Role.BOT else replace(turn, text=mask(turn.text)) for turn in turns
    )
