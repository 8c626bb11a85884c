"""The bot at work on a real database and a real engine process, and somebody who watches."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.answers.service import Answers
from app.conversations import service as conversations
from app.database import Work
from app.demo.seed import publish_articles
from app.events import AnswerEnded, ArticlesChanged, BegunAnswer, ControlChanged, EventStored
from app.handoff import service as handoff
from app.knowledge.library import Library
from app.knowledge.repository import Articles
from app.live.answers import LiveAnswers
from app.models import (
    Article,
    ArticleVersion,
    Conversation,
    Generation,
    Message,
    SentenceVector,
)
from app.parts import Parts
from app.speakers import Customer, SignedInAgent
from app.vocabulary import EventType, Role
from inference import EngineClient
from tests.factories import Shop, message, stranger
from tests.patience import PATIENCE_S

Frame = dict[str, Any]
_published: dict[type[Article | ArticleVersion | SentenceVector], list[dict[str, Any]]] = {}
"""The rows of the demo's articles and of their versions, as the application stored them."""


@dataclass
class Rig:
    """A customer, an agent, and the bot; everything that was published is kept."""

    parts: Parts
    shop: Shop
    customer: Customer
    live: LiveAnswers
    frames: list[Frame] = field(default_factory=list)
    events: list[EventStored] = field(default_factory=list)
    ended: list[AnswerEnded] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def agent(self) -> SignedInAgent:
        return self.shop.agent

    def hear(self, what: list[Any], item: Any) -> None:
        what.append(item)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that the bot makes true by publishing."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def say(self, text: str) -> UUID:
        async with self.parts.database.work() as work:
            posted = await conversations.post_message(
                work, self.customer, message(text), shown=self.live.shown_text, reopen_days=7
            )
        return posted.conversation_id

    async def ask(self, text: str) -> UUID:
        """Say it and wait until the bot's turn is over."""
        num_turns = self.num_turns
        conversation_id = await self.say(text)
        await self.until(lambda: self.num_turns > num_turns)
        return conversation_id

    async def take_over(self, conversation_id: UUID, *, epoch: int = 0) -> None:
        async with self.parts.database.work() as work:
            await handoff.take_over(
                work, self.agent, conversation_id, epoch=epoch, shown=self.live.shown_text
            )

    async def stop(self, conversation_id: UUID) -> None:
        async with self.parts.database.work() as work:
            customer = await conversations_customer(work.session, self.customer, conversation_id)
            await conversations.stop_answer(
                work, customer, conversation_id, shown=self.live.shown_text
            )

    @property
    def num_turns(self) -> int:
        """Answers that ended, and hand-overs without one."""
        handed_over = [e for e in self.events if e.type is EventType.CONTROL_CHANGED]
        return len(self.ended) + len(handed_over)

    def shown(self) -> str:
        """The deltas put together, each where its offset says; of the last answer begun."""
        text = ""
        for frame in self.frames:
            if frame["t"] == "answer.started":
                text = ""
            if frame["t"] == "answer.delta":
                assert frame["d"]["o"] == len(text)
                text += frame["d"]["x"]
        return text

    def live_text(self) -> str:
        """Of the answer that is being written; empty when none is."""
        return "" if self.frames and self.frames[-1]["t"] == "answer.ended" else self.shown()

    async def messages(self, conversation_id: UUID, role: Role | None = None) -> list[Message]:
        async with self.parts.database.snapshot() as session:
            query = select(Message).where(Message.conversation_id == conversation_id)
            found = (await session.scalars(query.order_by(Message.seq))).all()
        return [one for one in found if role in (None, one.role)]

    async def conversation(self, conversation_id: UUID) -> Conversation:
        async with self.parts.database.snapshot() as session:
            return await session.get_one(Conversation, conversation_id)

    async def generation(self, said: Message) -> Generation:
        async with self.parts.database.snapshot() as session:
            return await session.get_one(Generation, said.generation_id)


async def conversations_customer(session: Any, stranger: Customer, cid: UUID) -> Customer:
    """The customer as the widget's socket knows them after the first message."""
    conversation = await session.get_one(Conversation, cid)
    return Customer(
        stranger.workspace_id, stranger.inbox_id, stranger.token_hash, conversation.contact_id
    )


async def publish_demo_articles(parts: Parts, shop: Shop) -> None:
    """Published by the application once a process; other tests have the same rows in their store.

    Their ids are the same too, so that one index does for all tests.
    """
    async with parts.database.work() as work:
        if (await work.session.scalars(select(Article.id).limit(1))).first() is not None:
            await publish_articles(work, shop.workspace_id)
        elif _published:
            await _store_again(work, shop.workspace_id)
        else:
            await publish_articles(work, shop.workspace_id)
            await _remember(work.session)


async def _remember(session: AsyncSession) -> None:
    await session.flush()
    for kind in (Article, ArticleVersion, SentenceVector):
        rows = await session.execute(select(*kind.__table__.columns))
        _published[kind] = [dict(row) for row in rows.mappings()]


async def _store_again(work: Work, workspace_id: UUID) -> None:
    for kind in (Article, SentenceVector):
        rows = [one | {"workspace_id": workspace_id} for one in _published[kind]]
        await work.session.execute(insert(kind), rows)
    await work.session.execute(insert(ArticleVersion), _published[ArticleVersion])
    await Articles(work.session).raise_kb_version(workspace_id)
    work.outbox.add(ArticlesChanged(workspace_id))


def make_rig(parts: Parts, shop: Shop) -> Rig:
    """A watcher of everything; the bot does not run yet."""
    rig: Rig

    def publish(_conversation_id: UUID, frame: str) -> None:
        rig.hear(rig.frames, json.loads(frame))

    live = LiveAnswers(publish, 0.0)
    rig = Rig(parts, shop, stranger(shop), live)
    parts.dispatcher.on(BegunAnswer, live.on_begun)
    parts.dispatcher.on(ControlChanged, live.on_control_changed)
    parts.dispatcher.on(AnswerEnded, live.on_ended)
    parts.dispatcher.on(EventStored, lambda event: rig.hear(rig.events, event))
    parts.dispatcher.on(AnswerEnded, lambda event: rig.hear(rig.ended, event))
    return rig


@asynccontextmanager
async def answering(
    rig: Rig, engine: EngineClient, *, timeout_s: float = PATIENCE_S, merge_after_s: float = 0.0
) -> AsyncGenerator[None]:
    """The bot answers for the block, then is cut off as by a shutdown."""
    answers = Answers(
        rig.parts.database,
        rig.live,
        engine,
        Library(rig.parts.database),
        salt_of=rig.parts.secrets.prefix_salt,
        timeout_s=timeout_s,
        merge_after_s=merge_after_s,
    )
    answers.listen(rig.parts.dispatcher)
    running = asyncio.create_task(answers.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
