"""What conversations bring along when asked: `?expand=messages,contact,assignee`.

Without it they hold what their list needs. What is brought along is no part of the state that an
`ETag` names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.api.errors import MissingScope
from app.api.scopes import Scope
from app.conversations.repository import ConversationRow
from app.conversations.resources import (
    ConversationResource,
    ExpandedAgent,
    ExpandedContact,
    MessageResource,
)
from app.conversations.rights import Reads
from app.models import Agent, Message

NUM_MESSAGES = 20


class Part(StrEnum):
    """What may be brought along."""

    MESSAGES = "messages"
    CONTACT = "contact"
    ASSIGNEE = "assignee"


_NAMES = "|".join(Part)


@dataclass(frozen=True)
class Expansion:
    """What a client wants to have along with conversations."""

    parts: frozenset[Part] = frozenset()

    async def show(
        self, session: AsyncSession, rows: Sequence[ConversationRow]
    ) -> dict[UUID, ConversationResource]:
        """The conversations by id, in two queries more at most."""
        threads = await self._threads(session, rows)
        agents = await self._agents(session, rows)
        return {
            row.conversation.id: self._shown(
                row, threads.get(row.conversation.id, []), agents.get(row.conversation.assignee_id)
            )
            for row in rows
        }

    def _shown(
        self, row: ConversationRow, thread: list[Message], assignee: Agent | None
    ) -> ConversationResource:
        more: dict[str, object] = {}
        if Part.MESSAGES in self.parts:
            more["messages"] = [MessageResource.of(one) for one in thread]
        if Part.CONTACT in self.parts:
            more["contact"] = ExpandedContact.whole(row.contact)
        if assignee is not None:
            more["assignee"] = ExpandedAgent.whole(assignee)
        return ConversationResource.of(row).model_copy(update=more)

    async def _threads(
        self, session: AsyncSession, rows: Sequence[ConversationRow]
    ) -> dict[UUID, list[Message]]:
        """The newest messages of each, oldest first, however long the threads are."""
        found: dict[UUID, list[Message]] = {row.conversation.id: [] for row in rows}
        if Part.MESSAGES not in self.parts:
            return found
        newest = func.row_number().over(
            partition_by=Message.conversation_id, order_by=Message.seq.desc()
        )
        numbered = (
            select(Message, newest.label("place"))
            .where(Message.conversation_id.in_(found))
            .subquery()
        )
        message = aliased(Message, numbered)
        query = select(message).where(numbered.c.place <= NUM_MESSAGES).order_by(message.seq)
        for one in await session.scalars(query):
            found[one.conversation_id].append(one)
        return found

    async def _agents(
        self, session: AsyncSession, rows: Sequence[ConversationRow]
    ) -> dict[UUID | None, Agent]:
        ids = {row.conversation.assignee_id for row in rows} - {None}
        if Part.ASSIGNEE not in self.parts or not ids:
            return {}
        return {
            one.id: one for one in await session.scalars(select(Agent).where(Agent.id.in_(ids)))
        }


def _expansion(
    caller: Reads,
    expand: Annotated[
        str | None,
        Query(
            max_length=60,
            pattern=rf"^({_NAMES})(,({_NAMES}))*$",
            description=f"Any of `messages` (the newest {NUM_MESSAGES}), `contact` (needs "
            "`contacts:read` too) and `assignee`, with commas between: brought along whole.",
        ),
    ] = None,
) -> Expansion:
    """Raises: MissingScope when the key may not see what it asks for."""
    parts = frozenset(Part(one) for one in expand.split(",")) if expand else frozenset()
    if Part.CONTACT in parts and not caller.may(Scope.CONTACTS_READ):
        raise MissingScope("This key lacks the scope contacts:read, which expand=contact needs.")
    return Expansion(parts)


ExpansionDep = Annotated[Expansion, Depends(_expansion)]
"""Stands after the caller."""
