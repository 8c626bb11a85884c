"""What the engine may draft from: a workspace's articles, canned replies and past answers.

An engine forgets with its process, so every new one is taught everything; what is written later is
taught as it is stored. No answer needs it, some come sooner: whatever fails here is logged and
left. Each workspace's texts go under its own salt, so they never draft for another.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

from app.answers.generator import is_teachable, teach
from app.answers.repository import (
    read_canned_replies,
    read_past_answer,
    read_past_answers,
    read_workspace_ids,
)
from app.database import Database
from app.errors import Unavailable
from app.events import (
    AnswerEnded,
    ArticlesChanged,
    Dispatcher,
    InWorkspace,
    MessagePosted,
    TextsErased,
)
from app.knowledge.passages import SourceArticle, read_passages
from app.knowledge.repository import Articles
from app.models import CannedReply
from app.privacy.masking import mask
from app.vocabulary import Outcome, Role
from inference import Document, EngineClient

log = logging.getLogger(__name__)

MAX_PAST_ANSWERS = 1_000
_MAX_CHANGES = 1_000


class Lessons:
    """Teaches engines as long as `run()` runs."""

    def __init__(
        self, database: Database, engine: EngineClient, *, salt_of: Callable[[UUID], bytes]
    ) -> None:
        self._database = database
        self._engine = engine
        self._salt_of = salt_of
        self._changes: asyncio.Queue[InWorkspace] = asyncio.Queue(_MAX_CHANGES)
        self._taught: dict[UUID, set[str]] = {}
        """Keys of the articles and canned replies that the engine was given."""

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear what is published and answered."""
        dispatcher.on(ArticlesChanged, self._note)
        dispatcher.on(TextsErased, self._note)
        dispatcher.on(MessagePosted, self._on_posted)
        dispatcher.on(AnswerEnded, self._on_ended)

    async def run(self) -> None:
        """Teach every engine that comes, and what changes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._teach_every_engine())
            tasks.create_task(self._teach_changes())

    def _on_posted(self, posted: MessagePosted) -> None:
        if posted.role is Role.AGENT:
            self._note(posted)

    def _on_ended(self, ended: AnswerEnded) -> None:
        if ended.outcome is Outcome.COMPLETED:
            self._note(ended)

    def _note(self, change: InWorkspace) -> None:
        try:
            self._changes.put_nowait(change)
        except asyncio.QueueFull:
            log.warning("a text is not taught", extra={"workspace": str(change.workspace_id)})

    async def _teach_every_engine(self) -> None:
        incarnation = None
        while True:
            incarnation = await self._engine.incarnation_after(incarnation)
            await self._attempt(self._teach_everything())

    async def _teach_changes(self) -> None:
        while True:
            change = await self._changes.get()
            await self._attempt(self._teach_change(change))

    async def _attempt(self, lesson: Coroutine[Any, Any, None]) -> None:
        """The edge of the task: a lesson that fails is no reason to stop teaching."""
        try:
            if await is_teachable(self._engine):
                await lesson
        except Unavailable as error:
            log.warning("a lesson is left out", extra={"reason": str(error)})
        except Exception:
            log.exception("a lesson failed")
        finally:
            lesson.close()  # without effect on one that has run

    async def _teach_everything(self) -> None:
        async with self._database.snapshot() as session:
            workspace_ids = await read_workspace_ids(session)
        for workspace_id in workspace_ids:
            await self._teach_lasting(workspace_id)
            async with self._database.snapshot() as session:
                answers = await read_past_answers(session, workspace_id, MAX_PAST_ANSWERS)
            documents = [_answer(message_id, text) for message_id, text in answers]
            await teach(self._engine, self._salt_of(workspace_id), documents)

    async def _teach_change(self, change: InWorkspace) -> None:
        match change:
            case ArticlesChanged():
                await self._teach_lasting(change.workspace_id)
            case TextsErased():
                forgotten = [_answer_key(message_id) for message_id in change.message_ids]
                await teach(self._engine, self._salt_of(change.workspace_id), [], forgotten)
            case MessagePosted() | AnswerEnded():
                async with self._database.snapshot() as session:
                    text = await read_past_answer(session, change.message_id)
                if text is not None:
                    document = _answer(change.message_id, text)
                    await teach(self._engine, self._salt_of(change.workspace_id), [document])

    async def _teach_lasting(self, workspace_id: UUID) -> None:
        """Articles and canned replies as they are now; what is gone is to be forgotten."""
        async with self._database.snapshot() as session:
            articles = await Articles(session).published(workspace_id)
            replies = await read_canned_replies(session, workspace_id)
        documents = [*map(_article, articles), *map(_canned_reply, replies)]
        keys = {document.key for document in documents}
        gone = self._taught.get(workspace_id, set()) - keys
        self._taught[workspace_id] = keys
        await teach(self._engine, self._salt_of(workspace_id), documents, sorted(gone))


def _article(article: SourceArticle) -> Document:
    """The paragraphs as a prompt shows them: `title: sentences` a line."""
    lines = (f"{article.title}: {passage.text}" for passage in read_passages([article]))
    return _lasting(f"article/{article.article_id}", lines)


def _canned_reply(reply: CannedReply) -> Document:
    return _lasting(f"canned/{reply.id}", [reply.body_md])


def _lasting(key: str, lines: Iterable[str]) -> Document:
    return Document(key, "\n".join(lines), is_lasting=True)


def _answer(message_id: UUID, text: str) -> Document:
    """What was said to one customer may draft for others, so nothing personal is in it."""
    return Document(_answer_key(message_id), mask(text))


def _answer_key(message_id: UUID) -> str:
    return f"answer/{message_id}"
