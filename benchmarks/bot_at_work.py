"""The bot on a fresh database with the demo's articles, and a customer who types and asks."""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app import schema
from app.answers.service import Answers
from app.answers.typing_ahead import TypingAhead
from app.clock import now
from app.conversations.service import NewMessage, post_message
from app.data_folder import DataFolder
from app.demo.seed import publish_articles
from app.engines import running_engine
from app.events import AnswerEnded, BegunAnswer, DraftTyped
from app.first_run import open_for_business
from app.ids import new_id
from app.knowledge.library import Library
from app.live.answers import LiveAnswers
from app.main import build_parts
from app.models import Inbox
from app.parts import Parts
from app.security import hash_token
from app.settings import Settings
from app.speakers import Customer
from inference import EngineClient

_REOPEN_DAYS = 7


@dataclass
class BotAtWork:
    """One company; each dialogue has a customer and a salt of its own: none helps another."""

    parts: Parts
    engine: EngineClient
    inbox: Inbox
    library: Library
    salt: bytes = b""
    first_shown_s: float = 0.0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _ahead: TypingAhead | None = None
    _live: LiveAnswers | None = None

    def dialogue(self, name: str) -> "Dialogue":
        """A new customer under a new salt."""
        self.salt = name.encode()
        customer = Customer(self.inbox.workspace_id, self.inbox.id, hash_token(name))
        return Dialogue(self, customer)

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """The bot answers and prepares for the block."""
        self._live = LiveAnswers(self._publish, 0.0)
        dispatcher, database = self.parts.dispatcher, self.parts.database
        dispatcher.on(BegunAnswer, self._live.on_begun)
        dispatcher.on(AnswerEnded, self._live.on_ended)
        dispatcher.on(AnswerEnded, lambda _: self._ended.set())
        common = (database, self._live, self.engine, self.library)
        answers = Answers(*common, salt_of=lambda _: self.salt, timeout_s=60.0, merge_after_s=0.0)
        self._ahead = TypingAhead(*common, salt_of=lambda _: self.salt, max_running=1)
        for part in (answers, self._ahead):
            part.listen(dispatcher)
        running = [asyncio.create_task(part.run()) for part in (answers, self._ahead)]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _publish(self, _conversation_id: UUID, frame: str) -> None:
        if not self.first_shown_s and json.loads(frame)["t"] == "answer.delta":
            self.first_shown_s = time.perf_counter()


@dataclass
class Dialogue:
    """One customer's conversation."""

    bot: BotAtWork
    customer: Customer
    conversation_id: UUID | None = None

    async def type(self, text: str) -> None:
        """Have a draft worked on until it is done; customers type slowly."""
        ahead = self.bot._ahead
        assert ahead is not None
        who = self.customer
        typed = DraftTyped(who.workspace_id, who.inbox_id, new_id(), self.conversation_id, text)
        self.bot.parts.dispatcher.deliver([typed])
        await ahead.finished()

    async def ask(self, text: str) -> float:
        """Seconds from the message to the first piece of its answer; waits for the whole answer."""
        bot = self.bot
        assert bot._live is not None
        bot.first_shown_s = 0.0
        bot._ended.clear()
        started = time.perf_counter()
        async with bot.parts.database.work() as work:
            new = NewMessage(text, str(new_id()), self.conversation_id)
            posted = await post_message(
                work, self.customer, new, shown=bot._live.shown_text, reopen_days=_REOPEN_DAYS
            )
        self.conversation_id = posted.conversation_id
        await bot._ended.wait()
        return bot.first_shown_s - started


@contextlib.asynccontextmanager
async def bot_at_work(settings: dict[str, object]) -> AsyncIterator[BotAtWork]:
    """Everything from an empty folder to an engine that answers."""
    with tempfile.TemporaryDirectory() as folder:
        given = Settings(data=Path(folder), **settings)  # type: ignore[arg-type]
        parts = build_parts(given, DataFolder(given.data).prepare(), now)
        try:
            await schema.upgrade(parts.database)
            await open_for_business(parts.database)
            async with parts.database.work() as work:
                inbox = (await work.session.scalars(select(Inbox))).one()
                await publish_articles(work, inbox.workspace_id)
            async with running_engine(given) as engine:
                bot = BotAtWork(parts, engine.client, inbox, Library(parts.database))
                async with bot.answering():
                    yield bot
        finally:
            await parts.database.close()


def without_last_word(text: str) -> str:
    """What has been typed when the last word has not."""
    return " ".join(text.split()[:-1])
