"""Webhooks of ticket systems: a new ticket, a comment, another status; signed, and once each.

The `webhook-id` is kept with the effect, in the same transaction: of a hundred copies that come at
once one does something and the others are told so.
"""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.connectors.inward import House, find_link, take_comment, take_status, take_ticket
from app.connectors.system import Comment, Requester, Ticket
from app.database import Work
from app.errors import Conflict, Invalid, NotFound
from app.ids import new_id
from app.models import Connector, InboundReceipt, WebhookEndpoint
from app.vocabulary import TicketStatus

Ref = Annotated[str, Field(min_length=1, max_length=120)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # senders may say more than we ask


class RequesterIn(_Wire):
    """Who asks."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = "Customer"
    email: Annotated[str | None, Field(max_length=254)] = None
    external_id: Annotated[str | None, Field(max_length=200)] = None


class TicketIn(_Wire):
    """A ticket."""

    id: Ref
    subject: Annotated[str, Field(max_length=400)] = ""
    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    url: Annotated[str, Field(max_length=2_000)] = ""
    status: TicketStatus = TicketStatus.NEW
    requester: RequesterIn = RequesterIn()


class AuthorKind(StrEnum):
    """On which side of a ticket somebody stands."""

    AGENT = "agent"
    CUSTOMER = "customer"


class CommentIn(_Wire):
    """What somebody wrote in a ticket."""

    id: Ref
    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    author: Annotated[str, Field(max_length=200)] = ""
    author_kind: AuthorKind = AuthorKind.AGENT
    internal: bool = False


class _CreatedData(_Wire):
    ticket: TicketIn


class _CommentData(_Wire):
    ticket_id: Ref
    comment: CommentIn


class _StatusData(_Wire):
    ticket_id: Ref
    status: TicketStatus


class TicketCreated(_Wire):
    """There is a new ticket."""

    type: Literal["ticket.created"]
    data: _CreatedData


class TicketCommented(_Wire):
    """Somebody wrote in a ticket."""

    type: Literal["ticket.commented"]
    data: _CommentData


class TicketStatusChanged(_Wire):
    """A ticket has another status."""

    type: Literal["ticket.status_changed"]
    data: _StatusData


Inbound = Annotated[
    TicketCreated | TicketCommented | TicketStatusChanged, Field(discriminator="type")
]
_READER: TypeAdapter[TicketCreated | TicketCommented | TicketStatusChanged] = TypeAdapter(Inbound)


class Received(BaseModel):
    """What came of a webhook."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effect: bool = Field(description="False: it was known already, or nothing is to do.")
    conversation_id: UUID | None = None


def read(body: bytes) -> TicketCreated | TicketCommented | TicketStatusChanged:
    """What a body tells.

    Raises:
        Invalid: it is none of the three things.
    """
    try:
        return _READER.validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        raise Invalid(f"The webhook does not fit at /{where}: {first['msg']}.") from error


async def receive(
    work: Work,
    house: House,
    endpoint: WebhookEndpoint,
    webhook_id: str,
    told: TicketCreated | TicketCommented | TicketStatusChanged,
) -> Received:
    """Do what it tells, once.

    Raises:
        NotFound: no conversation belongs to this ticket, or the connector was deleted.
        Conflict: the same ticket is being taken in.
    """
    query = select(Connector).where(Connector.endpoint_id == endpoint.id)
    connector = (await work.session.scalars(query)).one_or_none()
    if connector is None:
        raise NotFound("There is no such connector.")
    if not await _is_first(work, endpoint.id, webhook_id):
        return Received(effect=False)
    if isinstance(told, TicketCreated):
        return await _take_ticket(work, connector, told.data.ticket)
    link = await find_link(work, connector.id, told.data.ticket_id, is_locked=True)
    if link is None:
        raise NotFound("No conversation here belongs to this ticket.")
    if isinstance(told, TicketCommented):
        comment = _comment(told.data.comment)
        is_done = await take_comment(work, house, connector, link, comment)
    else:
        is_done = await take_status(work, house, connector, link, told.data.status)
    return Received(effect=is_done, conversation_id=link.conversation_id)


async def _take_ticket(work: Work, connector: Connector, told: TicketIn) -> Received:
    asker = told.requester
    ticket = Ticket(
        told.id,
        told.status,
        told.subject,
        told.url,
        Requester(asker.name, asker.email, asker.external_id),
    )
    first = Comment(f"ticket-{told.id}"[:120], told.text, asker.name, is_customers=True)
    try:
        made = await take_ticket(work, connector, ticket, first)
    except IntegrityError as error:  # somebody else brought it in the same moment
        raise Conflict("This ticket is just being taken in; send it again.") from error
    if made is None:
        link = await find_link(work, connector.id, told.id)
        return Received(effect=False, conversation_id=link.conversation_id if link else None)
    return Received(effect=True, conversation_id=made.id)


def _comment(told: CommentIn) -> Comment:
    is_customers = told.author_kind is AuthorKind.CUSTOMER
    return Comment(told.id, told.text, told.author, is_customers, is_internal=told.internal)


async def _is_first(work: Work, endpoint_id: UUID, webhook_id: str) -> bool:
    receipt = InboundReceipt(
        id=new_id(), created_at=work.clock(), endpoint_id=endpoint_id, webhook_id=webhook_id
    )
    try:
        async with work.session.begin_nested():
            work.session.add(receipt)
    except IntegrityError:
        return False
    return True
