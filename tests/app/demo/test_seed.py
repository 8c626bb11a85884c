"""Seeding: a company with something in every state, once."""

from collections import Counter

from sqlalchemy import func, select

from app.agents.repository import Agents
from app.clock import now
from app.demo.office import read_history
from app.demo.seed import PASSWORD, SITE_TOKEN, seed
from app.knowledge.gaps import read_clusters
from app.models import (
    ApiKey,
    Article,
    ArticleDraft,
    AuditEntry,
    CannedReply,
    Conversation,
    ConversationEvent,
    Inbox,
    KbGap,
    Label,
    Message,
    Rating,
    Workspace,
)
from app.parts import Parts
from app.security import is_password
from app.vocabulary import AgentRole, Control, MessageState, Priority, Resolution, Role, Status


async def test_the_demo_has_conversations_in_every_state(parts: Parts) -> None:
    access = await seed(parts.database, now)

    async with parts.database.snapshot() as session:
        conversations = (await session.scalars(select(Conversation))).all()
        messages = (await session.scalars(select(Message))).all()
        owner = await Agents(session).find_by_email(access.email)
        gaps = (await session.execute(select(func.count(KbGap.id)))).scalar_one()
    assert len(conversations) == 20 + len(read_history())
    assert {c.control for c in conversations} == set(Control)
    assert {c.status for c in conversations} == set(Status)
    assert {c.priority for c in conversations} >= {Priority.URGENT, Priority.HIGH}
    assert {c.resolution for c in conversations} >= {Resolution.AGENT, Resolution.CONFIRMED}
    assert any(m.state is MessageState.INTERRUPTED and m.text for m in messages)
    assert all(m.citations for m in messages if m.role is Role.BOT and "[1]" in m.text)
    assert owner is not None and owner.role is AgentRole.OWNER
    assert is_password(PASSWORD, owner.password_hash) and access.site == SITE_TOKEN
    assert gaps >= 2


async def test_the_log_of_every_conversation_is_gapless_and_in_the_past(parts: Parts) -> None:
    await seed(parts.database, now)

    async with parts.database.snapshot() as session:
        conversations = (await session.scalars(select(Conversation))).all()
        events = (
            await session.scalars(select(ConversationEvent).order_by(ConversationEvent.seq))
        ).all()
    for conversation in conversations:
        mine = [event for event in events if event.conversation_id == conversation.id]
        assert [event.seq for event in mine] == list(range(1, conversation.last_seq + 1))
        times = [event.created_at for event in mine]
        assert times == sorted(times) and times[-1] < now()


async def test_seeding_again_changes_nothing(parts: Parts) -> None:
    tables = (Article, CannedReply, Conversation, Inbox, KbGap, Message)

    async def counts() -> Counter[str]:
        async with parts.database.snapshot() as session:
            return Counter(
                {
                    table.__tablename__: (
                        await session.execute(select(func.count(table.id)))
                    ).scalar_one()
                    for table in tables
                }
            )

    first_access = await seed(parts.database, now)
    first = await counts()

    assert await seed(parts.database, now) == first_access
    assert await counts() == first
    assert first["article"] >= 40 and first["canned_reply"] == 12


async def test_no_page_of_the_office_is_empty(parts: Parts) -> None:
    await seed(parts.database, now)

    async with parts.database.snapshot() as session:
        for table in (ArticleDraft, AuditEntry, KbGap, Label, Rating):
            count = select(func.count()).select_from(table)
            assert (await session.execute(count)).scalar_one() > 1, table
        assert (await session.scalars(select(ApiKey.name))).all() == ["Nightly report"]
        workspace_id = (await session.scalars(select(Workspace.id))).one()
        clusters = await read_clusters(session, workspace_id)
    assert any(len(cluster.questions) > 1 for cluster in clusters)
