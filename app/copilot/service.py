"""A suggested reply, a summary and labels for an agent's conversation; nothing is stored or sent.

A reply is written at a priority below customers' answers: it takes a place in the engine only where
nobody in a chat wants one.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.answers.generator import DRAFT_PRIORITY, read_window
from app.answers.repository import read_dialogue
from app.answers.service import read_thread
from app.answers.writing import write
from app.conversations.repository import Conversations
from app.conversations.schemas import Citation
from app.conversations.summary import summarise as summarise_thread
from app.copilot import labels, repository
from app.copilot.drafting import plan_reply
from app.copilot.labels import SuggestedLabel
from app.copilot.reading import Reader
from app.database import Database
from app.errors import Forbidden
from app.knowledge.library import Library
from app.speakers import SignedInAgent
from app.vocabulary import HandoffReason
from inference import EngineClient


@dataclass(frozen=True)
class Desk:
    """What replies are written with."""

    database: Database
    library: Library
    engine: EngineClient
    salt_of: Callable[[UUID], bytes]
    timeout_s: float


@dataclass(frozen=True)
class SuggestedReply:
    """A text to look over and where its facts stand; empty where no article says anything."""

    text: str = ""
    sources: tuple[Citation, ...] = ()


async def suggest_reply(
    desk: Desk, agent: SignedInAgent, conversation_id: UUID, show: Callable[[str], None]
) -> SuggestedReply:
    """Write a reply to what the customer said last; `show` gets its pieces as they come.

    Raises:
        NotFound, Forbidden: no such conversation here, or this agent may only read.
        Unavailable: the engine does not answer.
    """
    if not agent.may_converse:
        raise Forbidden
    async with desk.database.snapshot() as session:
        await access.conversation(session, agent, conversation_id)
        dialogue = await read_dialogue(session, conversation_id)
    shelf = await desk.library.shelf(agent.workspace_id)
    window = await read_window(desk.engine)
    topics = shelf.index.topics
    thread = await asyncio.to_thread(read_thread, dialogue, topics, conversation_id, window)
    plan = await asyncio.to_thread(plan_reply, shelf.index, thread)
    if plan is None:
        return SuggestedReply()
    written = await write(
        desk.engine,
        plan,
        seed=thread.seed,
        salt=desk.salt_of(agent.workspace_id),
        show=show,
        priority=DRAFT_PRIORITY,
        within_s=desk.timeout_s,
    )
    return SuggestedReply(written.text, written.citations)


async def stream_reply(
    desk: Desk, agent: SignedInAgent, conversation_id: UUID
) -> AsyncGenerator[str | SuggestedReply]:
    """The pieces of a reply as they come, the whole of it last; closing it aborts.

    Raises:
        NotFound, Forbidden, Unavailable: as `suggest_reply`.
    """
    # Bounded by the reply, which has at most as many pieces as tokens.
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(suggest_reply(desk, agent, conversation_id, pieces.put_nowait))
    task.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        yield await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def summarise(session: AsyncSession, agent: SignedInAgent, conversation_id: UUID) -> str:
    """What an agent reads first, word for word from the thread.

    Raises:
        NotFound: no such conversation here.
    """
    conversation = await access.conversation(session, agent, conversation_id)
    thread = await Conversations(session).messages(conversation_id, with_internal=False)
    reason = HandoffReason(conversation.handoff_reason) if conversation.handoff_reason else None
    return summarise_thread(thread, reason)


async def suggest_labels(
    session: AsyncSession, agent: SignedInAgent, conversation_id: UUID, reader: Reader
) -> tuple[SuggestedLabel, ...]:
    """Up to three labels of the company that fit and are not on it yet, the surest first.

    At the first looks the reader knows only some of the earlier conversations.

    Raises:
        NotFound: no such conversation here.
    """
    await access.conversation(session, agent, conversation_id)
    own = await repository.read_own_labels(session, conversation_id)
    names = await repository.read_label_names(session, agent.workspace_id)
    said = await repository.read_texts(session, [conversation_id])
    earlier = await repository.read_labelled(session, agent.workspace_id, conversation_id)
    free = [name for name in names if name not in own]
    text = said.get(conversation_id, "")
    return await asyncio.to_thread(labels.suggest, text, free, earlier, reader)
