"""Uploading, sending, fetching and forgetting files.

An uploaded file belongs to whoever uploaded it until a message names it; from then on whoever may
see the conversation may fetch it. Content is kept and dropped under the workspace's row lock, so
that equal files can come and go at the same time.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.database import Database, Work
from app.errors import Invalid, NotFound, RateLimited
from app.files.kinds import check, clean_name
from app.files.store import FileStore, Received
from app.ids import new_id
from app.jobs.runner import Handler
from app.jobs.schedule import schedule
from app.models import Attachment, JsonObject, Message, Workspace
from app.settings import Settings
from app.speakers import Customer, Speaker
from app.vocabulary import Visibility

SWEEP_JOB = "files.sweep"
DROP_JOB = "files.drop"
ORPHANS_JOB = "files.orphans"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_AT_ONCE = 500


@dataclass(frozen=True)
class NewFile:
    """A file as it arrives."""

    name: str
    declared_type: str
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True)
class Found:
    """A file that may be handed out."""

    path: Path
    name: str
    media_type: str


def store_of(settings: Settings) -> FileStore:
    """Where this installation keeps files."""
    return FileStore(settings.data / "files")


async def receive(
    database: Database, settings: Settings, speaker: Speaker, new: NewFile, at: datetime
) -> Attachment:
    """Take a file in; it can be sent from now on.

    Raises:
        RateLimited: this session has sent as many as it may within an hour.
        TooLong, Invalid: too large, empty, of no allowed kind, or not what it says it is.
    """
    name = clean_name(new.name)
    async with database.snapshot() as session:
        await _check_pace(session, settings, owner_of(speaker), at)
    store = store_of(settings)
    async with store.receive(new.pieces, settings.file_limit_bytes) as received:
        kind = await asyncio.to_thread(check, name, new.declared_type, received.head, received.path)
        async with database.work() as work:
            return await _keep(work, store, speaker, received, name, kind.media_type)


async def claim(work: Work, speaker: Speaker, file_ids: Sequence[UUID]) -> list[Attachment]:
    """Uploaded files that this speaker may put into a message now, in the order named.

    Raises:
        Invalid: one is not there, somebody else's, or sent already.
    """
    if not file_ids:
        return []
    query = (
        select(Attachment)
        .where(
            Attachment.id.in_(file_ids),
            Attachment.workspace_id == speaker.workspace_id,
            Attachment.owner == owner_of(speaker),
            Attachment.message_id.is_(None),
        )
        .with_for_update()
    )
    found = {one.id: one for one in await work.session.scalars(query)}
    if len(found) < len(file_ids):
        raise Invalid("A file of this message is not there any more; please attach it again.")
    return [found[one] for one in file_ids]


def put_into(message: Message, files: Sequence[Attachment]) -> None:
    """They belong to this message, which is stored already, and to its conversation."""
    for file in files:
        file.message_id, file.conversation_id = message.id, message.conversation_id


def shown(file: Attachment) -> dict[str, Any]:
    """As everybody sees it."""
    return {
        "id": str(file.id),
        "name": file.name,
        "type": file.media_type,
        "size": file.size_bytes,
    }


async def find(session: AsyncSession, settings: Settings, speaker: Speaker, file_id: UUID) -> Found:
    """A file this speaker may have.

    Raises:
        NotFound: unknown, not theirs, or erased.
    """
    file = await session.get(Attachment, file_id)
    if file is None or file.conversation_id is None or file.message_id is None:
        raise NotFound("There is no such file.")
    await access.conversation(session, speaker, file.conversation_id)
    message = await session.get_one(Message, file.message_id)
    if isinstance(speaker, Customer) and message.visibility is not Visibility.PUBLIC:
        raise NotFound("There is no such file.")
    path = store_of(settings).path(file.workspace_id, file.sha256)
    if not await asyncio.to_thread(path.is_file):
        raise NotFound("This file is not there any more.")
    return Found(path, file.name, file.media_type)


async def of_conversations(
    session: AsyncSession, conversation_ids: Sequence[UUID]
) -> list[Attachment]:
    """Everything sent in these conversations, oldest first."""
    query = select(Attachment).where(Attachment.conversation_id.in_(conversation_ids))
    return list(await session.scalars(query.order_by(Attachment.created_at, Attachment.id)))


async def forget(work: Work, files: Sequence[Attachment]) -> None:
    """Take them away; their content goes as soon as this is committed."""
    if not files:
        return
    await work.session.execute(
        delete(Attachment)
        .where(Attachment.id.in_([file.id for file in files]))
        .execution_options(synchronize_session=False)
    )
    contents = sorted({(str(file.workspace_id), file.sha256) for file in files})
    payload = {"contents": [list(content) for content in contents]}
    await schedule(work, DROP_JOB, work.clock(), payload)


async def schedule_sweep(work: Work) -> None:
    """Look now, and every hour, and every day for contents without a row; one job of each."""
    await schedule(work, SWEEP_JOB, work.clock(), {}, key=SWEEP_JOB)
    await schedule(work, ORPHANS_JOB, work.clock(), {}, key=ORPHANS_JOB)


def handlers(store: FileStore) -> dict[str, Handler]:
    """What the job runner does for files."""

    async def drop(work: Work, payload: JsonObject) -> None:
        for workspace, sha256 in payload["contents"]:
            await _drop_unused(work, store, UUID(workspace), sha256)

    async def sweep(work: Work, _payload: JsonObject) -> None:
        await asyncio.to_thread(store.sweep)
        unsent = select(Attachment).where(
            Attachment.message_id.is_(None), Attachment.created_at < work.clock() - _HOUR
        )
        await forget(work, (await work.session.scalars(unsent)).all())
        await schedule(work, SWEEP_JOB, work.clock() + _HOUR, {}, key=SWEEP_JOB)

    async def orphans(work: Work, _payload: JsonObject) -> None:
        """What was kept by a work that was not committed."""
        before = work.clock() - _DAY
        kept = await asyncio.to_thread(store.older_than, before.timestamp())
        for workspace_id, contents in kept.items():
            for sha256 in await _without_row(work.session, workspace_id, contents):
                await _drop_unused(work, store, workspace_id, sha256)
        await schedule(work, ORPHANS_JOB, work.clock() + _DAY, {}, key=ORPHANS_JOB)

    return {DROP_JOB: drop, SWEEP_JOB: sweep, ORPHANS_JOB: orphans}


def owner_of(speaker: Speaker) -> str:
    """Whose an upload is."""
    return speaker.token_hash if isinstance(speaker, Customer) else str(speaker.agent_id)


async def _check_pace(session: AsyncSession, settings: Settings, owner: str, at: datetime) -> None:
    """Counted from the rows, so that it holds for all processes together."""
    query = select(func.count()).where(
        Attachment.owner == owner, Attachment.created_at > at - _HOUR
    )
    num_sent = (await session.execute(query)).scalar_one()
    if num_sent >= settings.files_per_h:
        told = f"At most {settings.files_per_h} files can be sent within an hour."
        raise RateLimited(told, retry_after_s=_HOUR.total_seconds() / 4)


async def _keep(
    work: Work, store: FileStore, speaker: Speaker, received: Received, name: str, media_type: str
) -> Attachment:
    await _lock_contents(work, speaker.workspace_id)
    file = Attachment(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=speaker.workspace_id,
        owner=owner_of(speaker),
        name=name,
        media_type=media_type,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
    )
    work.session.add(file)
    await work.session.flush()
    store.keep(speaker.workspace_id, received)
    return file


async def _drop_unused(work: Work, store: FileStore, workspace_id: UUID, sha256: str) -> None:
    await _lock_contents(work, workspace_id)
    same = select(Attachment.id).where(
        Attachment.workspace_id == workspace_id, Attachment.sha256 == sha256
    )
    if (await work.session.scalars(same.limit(1))).first() is None:
        store.drop(workspace_id, sha256)


async def _without_row(
    session: AsyncSession, workspace_id: UUID, contents: Sequence[str]
) -> list[str]:
    """Those of these contents that no attachment of the company names."""
    known: set[str] = set()
    for start in range(0, len(contents), _AT_ONCE):
        query = select(Attachment.sha256).where(
            Attachment.workspace_id == workspace_id,
            Attachment.sha256.in_(contents[start : start + _AT_ONCE]),
        )
        known.update(await session.scalars(query))
    return [one for one in contents if one not in known]


async def _lock_contents(work: Work, workspace_id: UUID) -> None:
    """One at a time comes or goes; on SQLite there is one writer anyway."""
    own = select(Workspace.id).where(Workspace.id == workspace_id)
    await work.session.execute(own.with_for_update())
