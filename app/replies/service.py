"""Making, changing and removing canned replies and labels.

A shared reply is managed by admins, a private one by whoever owns it. The engine drafts from shared
and private replies alike, so it is told of every change.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.errors import BadField
from app.api.seeking import place_of_id, seek
from app.audit.service import Doer, note
from app.conversations.desk import COLOURS
from app.database import Work
from app.errors import Conflict, Forbidden, NotFound
from app.events import ArticlesChanged
from app.ids import new_id
from app.models import CannedReply, ConversationLabel, Label
from app.speakers import SignedInAgent

MAX_SHORTCUT_CHARS = 40
MAX_TITLE_CHARS = 120
MAX_BODY_CHARS = 4_000
MAX_LABEL_CHARS = 40
LABEL_COLOURS = COLOURS
_SHORTCUT = re.compile(r"[a-z0-9][a-z0-9_-]*")


class Taken(BadField):
    """A word that something else is called by."""

    def __init__(self, pointer: str) -> None:
        super().__init__(pointer, "This is in use already; please choose another.", "taken")


@dataclass(frozen=True)
class ReplyText:
    """What stands in the form of a canned reply."""

    shortcut: str
    title: str
    body_md: str
    is_shared: bool


@dataclass(frozen=True)
class LabelRow:
    """A label and how many conversations carry it."""

    label: Label
    num_conversations: int


def is_shortcut(text: str) -> bool:
    """Whether it can be typed after a slash."""
    return _SHORTCUT.fullmatch(text) is not None


async def read_replies(session: AsyncSession, agent: SignedInAgent) -> list[CannedReply]:
    """The shared ones and this agent's own, by shortcut."""
    query = select(CannedReply).where(
        CannedReply.workspace_id == agent.workspace_id,
        or_(CannedReply.owner_agent_id.is_(None), CannedReply.owner_agent_id == agent.agent_id),
    )
    return list(await session.scalars(query.order_by(CannedReply.shortcut, CannedReply.id)))


async def read_reply(session: AsyncSession, agent: SignedInAgent, reply_id: UUID) -> CannedReply:
    """One of them.

    Raises:
        NotFound: unknown, or somebody else's.
    """
    found = await session.get(CannedReply, reply_id)
    if found is None or found.workspace_id != agent.workspace_id:
        raise NotFound
    if found.owner_agent_id not in (None, agent.agent_id):
        raise NotFound
    return found


async def page_of_shared(
    session: AsyncSession, workspace_id: UUID, after: list[str] | None, limit: int
) -> list[CannedReply]:
    """The next shared replies behind a place, newest first."""
    query = select(CannedReply).where(
        CannedReply.workspace_id == workspace_id, CannedReply.owner_agent_id.is_(None)
    )
    return list(await session.scalars(seek(query, [CannedReply.id], place_of_id(after), limit)))


async def read_shared(session: AsyncSession, workspace_id: UUID, reply_id: UUID) -> CannedReply:
    """One of them.

    Raises:
        NotFound: unknown, another company's, or somebody's own.
    """
    found = await session.get(CannedReply, reply_id)
    if found is None or found.workspace_id != workspace_id or found.owner_agent_id is not None:
        raise NotFound
    return found


async def page_of_labels(
    session: AsyncSession, workspace_id: UUID, after: list[str] | None, limit: int
) -> list[Label]:
    """The next labels behind a place, newest first."""
    query = select(Label).where(Label.workspace_id == workspace_id)
    return list(await session.scalars(seek(query, [Label.id], place_of_id(after), limit)))


async def read_label(session: AsyncSession, workspace_id: UUID, label_id: UUID) -> Label:
    """One of them.

    Raises:
        NotFound: unknown, or another company's.
    """
    found = await session.get(Label, label_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound
    return found


async def save_reply(work: Work, doer: Doer, reply_id: UUID | None, text: ReplyText) -> CannedReply:
    """Make a reply, or change one.

    Raises:
        Forbidden: a shared one, and not an admin.
        Taken: the shortcut has a reply already.
    """
    agent = doer.agent
    reply = CannedReply(id=new_id(), created_at=work.clock(), workspace_id=agent.workspace_id)
    if reply_id is not None:
        reply = await read_reply(work.session, agent, reply_id)
        _may_change(doer, reply.owner_agent_id is None)
    _may_change(doer, text.is_shared)
    await _refuse_taken_shortcut(work, doer, reply.id, text)
    before = (reply.shortcut, reply.title) if reply_id else None
    reply.shortcut, reply.title, reply.body_md = text.shortcut, text.title, text.body_md
    reply.owner_agent_id = None if text.is_shared else agent.agent_id
    work.session.add(reply)
    await _flush(work)
    changes = {"reply": (before, (text.shortcut, text.title))}
    done = "changed" if reply_id else "created"
    note(work, doer, f"canned_reply.{done}", f"/{text.shortcut}", changes)
    work.outbox.add(ArticlesChanged(agent.workspace_id))
    return reply


async def delete_reply(work: Work, doer: Doer, reply_id: UUID) -> None:
    """Remove it.

    Raises:
        Forbidden: a shared one, and not an admin.
    """
    reply = await read_reply(work.session, doer.agent, reply_id)
    _may_change(doer, reply.owner_agent_id is None)
    await work.session.delete(reply)
    note(work, doer, "canned_reply.deleted", f"/{reply.shortcut}")
    work.outbox.add(ArticlesChanged(doer.agent.workspace_id))


async def read_labels(session: AsyncSession, workspace_id: UUID) -> list[LabelRow]:
    """By name, with how much they are used."""
    query = (
        select(Label, func.count(ConversationLabel.id))
        .outerjoin(ConversationLabel, ConversationLabel.label_id == Label.id)
        .where(Label.workspace_id == workspace_id)
        .group_by(Label.id)
        .order_by(Label.name)
    )
    return [LabelRow(label, num) for label, num in await session.execute(query)]


async def save_label(
    work: Work, doer: Doer, label_id: UUID | None, name: str, colour: str
) -> Label:
    """Make a label, or give one another name or colour.

    Raises:
        Taken: there is one of this name.
        BadField: no colour of the palette.
    """
    if colour not in LABEL_COLOURS:
        raise BadField("/colour", f"The colours are {', '.join(LABEL_COLOURS)}.")
    label = Label(id=new_id(), created_at=work.clock(), workspace_id=doer.agent.workspace_id)
    if label_id is not None:
        label = await read_label(work.session, doer.agent.workspace_id, label_id)
    others = select(Label.id).where(
        Label.workspace_id == doer.agent.workspace_id,
        Label.name == name.lower(),
        Label.id != label.id,
    )
    if (await work.session.scalars(others)).first() is not None:
        raise Taken("/name")
    before = (label.name, label.colour) if label_id else (None, None)
    label.name, label.colour = name.lower(), colour
    work.session.add(label)
    await _flush(work)
    changes = {"name": (before[0], label.name), "colour": (before[1], colour)}
    note(work, doer, "label.changed" if label_id else "label.created", label.name, changes)
    return label


async def delete_label(work: Work, doer: Doer, label_id: UUID) -> None:
    """Remove it, from its conversations too."""
    label = await read_label(work.session, doer.agent.workspace_id, label_id)
    await work.session.execute(
        delete(ConversationLabel).where(ConversationLabel.label_id == label_id)
    )
    await work.session.delete(label)
    note(work, doer, "label.deleted", label.name)


async def _refuse_taken_shortcut(work: Work, doer: Doer, reply_id: UUID, text: ReplyText) -> None:
    owner = None if text.is_shared else doer.agent.agent_id
    others = select(CannedReply.id).where(
        CannedReply.workspace_id == doer.agent.workspace_id,
        CannedReply.shortcut == text.shortcut,
        CannedReply.owner_agent_id == owner if owner else CannedReply.owner_agent_id.is_(None),
        CannedReply.id != reply_id,
    )
    if (await work.session.scalars(others)).first() is not None:
        raise Taken("/shortcut")


async def _flush(work: Work) -> None:
    """Raises: Conflict when somebody took the name a moment ago."""
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise Conflict from error


def _may_change(doer: Doer, is_shared: bool) -> None:
    if is_shared and not doer.agent.may_manage:
        raise Forbidden("Only admins change shared replies; make a private one.")
