"""While a customer types: the prompt so far is computed, so that the first word comes sooner.

What is typed is planned like a message, so the passages are those that it finds so far. They stand
before the words; if the message finds the same, all but its last words is computed when it comes.
The engine does this only while it has nothing else to do. A draft replaces the one before it and
ends with the message; whatever fails here is nobody's loss. No text is stored or logged.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from app.answers.generator import compute_ahead, read_window
from app.answers.planning import make_plan
from app.answers.repository import Dialogue, read_dialogue
from app.answers.service import read_thread
from app.conversations.answering import Turn
from app.database import Database
from app.errors import Unavailable
from app.events import Dispatcher, DraftTyped
from app.knowledge.library import Library
from app.live.answers import LiveAnswers
from app.models import Conversation, Inbox, Workspace
from app.vocabulary import Control, MessageState, Role, Status
from app.workspace.answer_policy import AnswerPolicy
from inference import EngineClient

log = logging.getLogger(__name__)

_TIMEOUT_S = 10.0


class TypingAhead:
    """Computes ahead as long as `run()` runs: one draft a conversation, `max_running` in all."""

    def __init__(
        self,
        database: Database,
        live: LiveAnswers,
        engine: EngineClient,
        library: Library,
        *,
        salt_of: Callable[[UUID], bytes],
        max_running: int,
    ) -> None:
        self._database = database
        self._live = live
        self._engine = engine
        self._library = library
        self._salt_of = salt_of
        self._max_running = max_running
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[UUID, asyncio.Task[None]] = {}

    @property
    def num_running(self) -> int:
        """Drafts being worked on."""
        return len(self._running)

    async def finished(self) -> None:
        """Wait until nothing is being worked on."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear what is typed."""
        dispatcher.on(DraftTyped, self._on_typed)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    def _on_typed(self, typed: DraftTyped) -> None:
        key = typed.conversation_id or typed.writer_id
        before = self._running.pop(key, None)
        if before is not None:
            before.cancel()
        if not typed.text or self._tasks is None or self.num_running >= self._max_running:
            return
        task = self._tasks.create_task(self._prepare(typed))
        self._running[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def _forget(self, key: UUID, done: asyncio.Task[None]) -> None:
        if self._running.get(key) is done:
            del self._running[key]

    async def _prepare(self, typed: DraftTyped) -> None:
        """The edge of the task."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._compute(typed)
        except (Unavailable, TimeoutError):
            log.debug("nothing computed ahead")
        except Exception:
            log.exception("computing ahead failed")

    async def _compute(self, typed: DraftTyped) -> None:
        dialogue = await self._read(typed)
        if dialogue is None:
            return
        shelf = await self._library.shelf(typed.workspace_id)
        window = await read_window(self._engine)
        last_seq = max((turn.seq for turn in dialogue.turns), default=0)
        seq = max(last_seq, dialogue.answered_seq) + 1
        draft = Turn(Role.CUSTOMER, typed.text, seq, MessageState.COMPLETE)
        with_draft = replace(dialogue, turns=(*dialogue.turns, draft))
        topics, writer_id = shelf.index.topics, typed.writer_id
        thread = await asyncio.to_thread(read_thread, with_draft, topics, writer_id, window)
        prompt = (await asyncio.to_thread(make_plan, shelf.index, thread)).prompt
        if prompt is not None:
            salt = self._salt_of(typed.workspace_id)
            await compute_ahead(self._engine, prompt.messages, salt)

    async def _read(self, typed: DraftTyped) -> Dialogue | None:
        """The conversation so far; None where the bot has not got the word, or is speaking."""
        async with self._database.snapshot() as session:
            if typed.conversation_id is None:
                inbox = await session.get_one(Inbox, typed.inbox_id)
                workspace = await session.get_one(Workspace, typed.workspace_id)
                policy = AnswerPolicy.of(workspace)
                new = Dialogue(workspace.id, workspace.name, (), 0, 0, None, policy=policy)
                return new if inbox.bot_enabled else None
            conversation = await session.get_one(Conversation, typed.conversation_id)
            is_open = conversation.status is Status.OPEN
            is_bots = conversation.control is Control.BOT
            if not (is_open and is_bots) or self._live.find(typed.conversation_id):
                return None
            return await read_dialogue(session, typed.conversation_id)
