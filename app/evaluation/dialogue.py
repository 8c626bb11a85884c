"""A conversation without a database: the same plan, engine and checks as in production."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from app.answers.planning import Plan, make_plan
from app.answers.release import Release
from app.answers.thread import Thread
from app.answers.writing import Written
from app.conversations.answering import Turn
from app.knowledge.search import SearchIndex
from app.vocabulary import MessageState, Role
from app.workspace.answer_policy import AnswerPolicy

Say = Callable[[Plan, int], Awaitable[Written]]
"""Writes a plan out under a seed."""


@dataclass(frozen=True)
class Answered:
    """One turn of the bot."""

    plan: Plan
    written: Written


@dataclass(frozen=True)
class Shop:
    """Who answers, from what, and how."""

    company: str
    index: SearchIndex
    policy: AnswerPolicy


class Dialogue:
    """One customer; messages are answered one after the other, as in a widget."""

    def __init__(self, shop: Shop, say: Say, *, seed: int) -> None:
        """The same seed gives the same answers."""
        self._shop = shop
        self._say = say
        self._thread = Thread(shop.company, shop.index.topics, (), seed=seed, policy=shop.policy)

    async def ask(self, text: str) -> Answered:
        """The bot's turn after `text`; after a hand-off it would be a person's.

        Raises:
            Unavailable: the engine cannot answer.
        """
        seq = len(self._thread.turns) + 1
        asked = Turn(Role.CUSTOMER, text, seq, MessageState.COMPLETE)
        thread = replace(
            self._thread, turns=(*self._thread.turns, asked), seed=self._thread.seed + 1
        )
        plan = make_plan(self._shop.index, thread)
        written = await self._say(plan, thread.seed)
        said = Turn(Role.BOT, written.text, seq + 1, MessageState.COMPLETE)
        self._thread = replace(
            thread,
            turns=(*thread.turns, said),
            answered_seq=said.seq,
            last_verdict=plan.verdict,
            options=plan.options,
        )
        return Answered(plan, written)


async def say_extractively(plan: Plan, _seed: int) -> Written:
    """Without a model: the copies, and for each sentence of its own the one kept ready."""
    return Written("".join(Release(plan.parts).finish()), citations=plan.citations)
