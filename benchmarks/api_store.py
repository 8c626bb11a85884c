"""A company's store as it is after a while, written in bulk, for `benchmarks.api`.

Conversations come 500 a day up to now. Some are alike and many, some alike and few, and some alike
and all old: what a list must find without reading the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.scopes import Scope
from app.api.service import NewKey, create_key
from app.audit.service import Doer
from app.first_run import open_for_business
from app.ids import new_id
from app.models import (
    Agent,
    Article,
    AuditEntry,
    Base,
    CannedReply,
    Connector,
    Contact,
    Conversation,
    ConversationEvent,
    ConversationLabel,
    Inbox,
    KbGap,
    Label,
    Message,
    Rating,
    TicketLink,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from app.parts import Parts
from app.speakers import SignedInAgent
from app.vocabulary import (
    ActorKind,
    AgentRole,
    AnsweredBy,
    ArticleState,
    Control,
    DeliveryState,
    EndpointKind,
    EventType,
    Priority,
    Role,
    Side,
    Status,
    TicketStatus,
    TicketSystemKind,
)

CHUNK = 2_000
PER_DAY = 500
NUM_RARE = 5
"""The oldest conversations; what they have in common no other has."""
Row = dict[str, Any]
Rows = dict[type[Base], list[Row]]


@dataclass(frozen=True)
class Company:
    """Whose store it is, and some of its rows by name."""

    secret: str
    workspace_id: UUID
    inbox_id: UUID
    owner_id: UUID
    other_id: UUID
    """An agent who has the rare ones alone."""
    labels: dict[str, UUID]
    webhook_id: UUID
    connector_id: UUID
    article_id: UUID


async def open_company(parts: Parts) -> Company:
    """The little that does not grow: agents, labels, articles, a webhook, a connector, a key."""
    await open_for_business(parts.database)
    async with parts.database.work() as work:
        session = work.session
        workspace = (await session.scalars(select(Workspace))).one()
        inbox = (await session.scalars(select(Inbox))).one()
        owner = (await session.scalars(select(Agent))).one()
        other = _agent(workspace.id, "Dana")
        session.add(other)
        await session.flush()
        labels = {name: new_id() for name in ("often", "old", "rare")}
        hook, desk = (_endpoint(workspace.id, kind) for kind in EndpointKind)
        articles = [_article(workspace.id, number) for number in range(50)]
        rows: list[Base] = [hook, desk, *articles, *_replies(workspace.id)]
        rows += [
            Label(id=one, workspace_id=workspace.id, name=name) for name, one in labels.items()
        ]
        session.add_all(rows)
        await session.flush()
        connector = _connector(workspace.id, desk.id, other.id)
        session.add(connector)
        doer = Doer(SignedInAgent(workspace.id, owner.id, owner.name, owner.role))
        made = await create_key(work, doer, NewKey("benchmark", [Scope.ADMIN]))
    return Company(
        made.secret,
        workspace.id,
        inbox.id,
        owner.id,
        other.id,
        labels,
        hook.id,
        connector.id,
        articles[0].id,
    )


async def fill(parts: Parts, company: Company, num: int, now: datetime) -> None:
    """So many conversations with all that belongs to them; then statistics for the planner."""
    for first in range(0, num, CHUNK):
        rows: Rows = {}
        for number in range(first + 1, min(first + CHUNK, num) + 1):
            began_at = now - timedelta(days=(num - number) / PER_DAY)
            for model, row in _rows_of(company, number, num, began_at):
                rows.setdefault(model, []).append(row)
        async with parts.database.work() as work:
            await _write(work.session, company, rows)
    async with parts.database.work() as work:
        mine = update(Workspace).where(Workspace.id == company.workspace_id)
        await work.session.execute(mine.values(last_number=num, last_feed_seq=num * 3))
    async with parts.database.work() as work:
        await work.session.execute(text("ANALYZE"))


async def _write(session: AsyncSession, company: Company, rows: Rows) -> None:
    for model, some in rows.items():
        if "workspace_id" in model.__table__.columns:
            for row in some:
                row["workspace_id"] = company.workspace_id
        await session.execute(insert(Base.metadata.tables[model.__tablename__]), some)


def _rows_of(
    company: Company, number: int, num: int, began_at: datetime
) -> Iterator[tuple[type[Base], Row]]:
    """One conversation and what belongs to it, in the order of their keys."""
    one, contact = new_id(), new_id()
    at: Row = {"created_at": began_at}
    yield (
        Contact,
        at
        | {
            "id": contact,
            "name": f"Kim {number}",
            "email": f"kim{number}@example.org",
            "external_id": f"c-{number}",
        },
    )
    yield (
        Conversation,
        at
        | _conversation(company, number, began_at)
        | {
            "id": one,
            "contact_id": contact,
        },
    )
    for seq, role in enumerate((Role.CUSTOMER, Role.AGENT), 1):
        message = new_id()
        yield (
            Message,
            at
            | {
                "id": message,
                "conversation_id": one,
                "seq": seq,
                "role": role,
                "text": f"What was said in {number} was nothing much, and it is said again.",
            },
        )
        yield (
            ConversationEvent,
            at
            | _event(number, seq)
            | {
                "id": new_id(),
                "conversation_id": one,
                "type": EventType.MESSAGE_CREATED,
                "message_id": message,
            },
        )
    yield (
        ConversationEvent,
        at
        | _event(number, 3)
        | {
            "id": new_id(),
            "conversation_id": one,
            "type": EventType.CONTROL_CHANGED,
            "message_id": None,
            "data": {"from": "bot", "to": "queue", "reason": "asked"},
        },
    )
    for label in _labels(company, number, num):
        yield ConversationLabel, {"conversation_id": one, "label_id": label}
    if number % 3 == 0:
        rating = {"conversation_id": one, "score": 4, "answered_by": AnsweredBy.BOT}
        yield Rating, at | rating | {"id": new_id()}
    yield (
        KbGap,
        at
        | {
            "id": new_id(),
            "question": f"Question number {number}?",
            "conversation_id": one,
            "dismissed_at": None if number <= NUM_RARE else began_at,
            "updated_at": began_at,
        },
    )
    yield AuditEntry, at | _audit(company, number)
    yield WebhookDelivery, at | _delivery(company, number, one, began_at)
    yield (
        TicketLink,
        at
        | {
            "connector_id": company.connector_id,
            "conversation_id": one,
            "ticket_ref": str(number),
            "seq": 3,
            "status": TicketStatus.OPEN,
        },
    )


def _conversation(company: Company, number: int, began_at: datetime) -> Row:
    is_rare = number <= NUM_RARE
    control = (Control.BOT, Control.QUEUE, Control.HUMAN)[number % 3]
    waits_for_customer = control is Control.HUMAN and not is_rare  # a pair that is never seen else
    return {
        "inbox_id": company.inbox_id,
        "number": number,
        "subject": f"Question {number}",
        "status": Status.SNOOZED
        if is_rare
        else (Status.OPEN if number % 20 == 0 else Status.RESOLVED),
        "control": control,
        "assignee_id": company.other_id if is_rare else company.owner_id,
        "waiting_on": Side.CUSTOMER if waits_for_customer else Side.US,
        "priority": Priority.URGENT if is_rare else Priority.NORMAL,
        "last_seq": 3,
        "last_message_at": began_at + timedelta(minutes=5),
        "external_ref": f"ticket-{number}",
    }


def _labels(company: Company, number: int, num: int) -> list[UUID]:
    chosen = []
    if number % 2 == 0:
        chosen.append("often")
    if number <= num // 2:
        chosen.append("old")
    if number <= NUM_RARE:
        chosen.append("rare")
    return [company.labels[name] for name in chosen]


def _event(number: int, seq: int) -> Row:
    place = (number - 1) * 3 + seq
    return {"seq": seq, "actor_kind": ActorKind.CUSTOMER, "data": {}, "feed_seq": place}


def _audit(company: Company, number: int) -> Row:
    is_rare = number <= NUM_RARE
    return {
        "id": new_id(),
        "agent_id": company.other_id if is_rare else company.owner_id,
        "agent_name": "Dana",
        "action": "member.role_changed" if is_rare else "message.redacted",
        "target": str(number),
    }


def _delivery(company: Company, number: int, conversation_id: UUID, began_at: datetime) -> Row:
    return {
        "id": new_id(),
        "endpoint_id": company.webhook_id,
        "conversation_id": conversation_id,
        "seq": 1,
        "type": EventType.MESSAGE_CREATED,
        "payload": "{}",
        "state": DeliveryState.FAILED if number <= NUM_RARE else DeliveryState.DELIVERED,
        "next_at": began_at,
        "finished_at": began_at,
    }


def _agent(workspace_id: UUID, name: str) -> Agent:
    return Agent(
        id=new_id(),
        workspace_id=workspace_id,
        email=f"{name.lower()}@careline.example",
        name=name,
        role=AgentRole.AGENT,
        password_hash="!",
        preferences={},
    )


def _endpoint(workspace_id: UUID, kind: EndpointKind) -> WebhookEndpoint:
    """Of no event that a request here makes."""
    return WebhookEndpoint(
        id=new_id(),
        workspace_id=workspace_id,
        kind=kind,
        name=kind.value,
        url="https://hooks.example/care",
        event_types=[EventType.CSAT_ANSWERED],
    )


def _connector(workspace_id: UUID, endpoint_id: UUID, agent_id: UUID) -> Connector:
    return Connector(
        id=new_id(),
        workspace_id=workspace_id,
        endpoint_id=endpoint_id,
        system=TicketSystemKind.GENERIC,
        agent_id=agent_id,
        credentials="",
    )


def _article(workspace_id: UUID, number: int) -> Article:
    return Article(
        id=new_id(),
        workspace_id=workspace_id,
        collection="Delivery",
        slug=f"article-{number}",
        title=f"Parcels of kind {number}",
        body_md=f"A parcel of kind {number} takes {number + 2} days to arrive.",
        state=ArticleState.PUBLISHED,
        external_ref=f"page-{number}",
    )


def _replies(workspace_id: UUID) -> list[CannedReply]:
    return [
        CannedReply(
            workspace_id=workspace_id, shortcut=f"reply-{number}", title="Thanks", body_md="Thanks!"
        )
        for number in range(50)
    ]
