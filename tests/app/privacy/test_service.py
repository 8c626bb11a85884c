"""A copy of everything about a contact, and that nothing is left of them."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from app.audit.service import Doer
from app.conversations import service as conversations
from app.conversations.rating import NewRating, rate
from app.events import TextsErased
from app.handoff import service as handoff
from app.ids import new_id
from app.knowledge.service import record_gap
from app.models import (
    Base,
    Contact,
    Conversation,
    Job,
    Message,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from app.parts import Parts
from app.privacy.repository import Contacts
from app.privacy.service import PURGE_JOB, erase_contact, export_contact, purge
from app.vocabulary import AgentRole
from tests.app.bot import begin, complete
from tests.app.office.desk import desk_of
from tests.conftest import Served
from tests.factories import Shop, message, nothing_shown, stranger

SECRET = "Xylophone-4711"


async def talk(parts: Parts, shop: Shop, token: str = "token") -> UUID:
    """A customer tells a secret everywhere; the bot and an agent repeat it."""
    async with parts.database.work() as work:
        posted = await conversations.post_message(
            work,
            stranger(shop, token),
            message(f"I am {SECRET}"),
            shown=nothing_shown,
            reopen_days=7,
        )
        contact = await work.session.get_one(Contact, posted.contact_id)
        contact.name, contact.email = SECRET, f"{SECRET}@shop.example"
        contact.external_id, contact.locale = SECRET, SECRET[:10]
        contact.attributes = contact.page_attributes = {"nickname": SECRET}
        work.session.add(
            WebhookEndpoint(
                id=new_id(), workspace_id=shop.workspace_id, name="Books", url="https://x.example"
            )
        )
        await record_gap(work, shop.workspace_id, f"Who is {SECRET}?", posted.conversation_id)
    live = await begin(parts, str(posted.conversation_id))
    live.append(f"Hello {SECRET}.")
    await complete(parts, live)
    async with parts.database.work() as work:
        await handoff.take_over(
            work, shop.agent, posted.conversation_id, epoch=0, shown=nothing_shown
        )
        reply = message(f"Dear {SECRET}", conversation_id=posted.conversation_id)
        await handoff.post_reply(work, shop.agent, reply, shown=nothing_shown)
        await conversations.resolve(work, shop.agent, posted.conversation_id, shown=nothing_shown)
    assert posted.contact_id is not None
    async with parts.database.work() as work:
        customer = replace(stranger(shop, token), contact_id=posted.contact_id)
        await rate(work, customer, posted.conversation_id, NewRating(4, f"Ask {SECRET}"))
    return posted.contact_id


async def everything(parts: Parts) -> str:
    """All rows of all tables as one text."""
    async with parts.database.snapshot() as session:
        rows = [
            [str(row) for row in await session.execute(text(f"SELECT * FROM {table}"))]
            for table in Base.metadata.tables
        ]
    return json.dumps(rows)


async def test_erasing_leaves_no_word_and_keeps_the_counts(parts: Parts, shop: Shop) -> None:
    contact_id = await talk(parts, shop)
    erased: list[TextsErased] = []
    parts.dispatcher.on(TextsErased, erased.append)
    before = await everything(parts)

    async with parts.database.work() as work:
        await erase_contact(work, Doer(shop.agents[AgentRole.OWNER]), contact_id)

    after = await everything(parts)
    async with parts.database.snapshot() as session:
        num_messages = (await session.execute(select(func.count(Message.id)))).scalar_one()
        conversation = (await session.scalars(select(Conversation))).one()
        sent = (await session.scalars(select(WebhookDelivery.payload))).all()
    assert sent and all(SECRET[:10] not in body for body in sent)
    assert SECRET in before and SECRET not in after
    assert num_messages >= 3 and conversation.resolved_at is not None
    assert len(erased[0].message_ids) >= 3


async def test_an_export_holds_all_that_was_said(parts: Parts, shop: Shop) -> None:
    contact_id = await talk(parts, shop)

    async with parts.database.snapshot() as session:
        told = await export_contact(session, shop.workspace_id, contact_id, parts.clock())

    texts = [one["text"] for one in told["conversations"][0]["messages"]]
    assert told["contact"]["name"] == SECRET
    assert {f"I am {SECRET}", f"Hello {SECRET}.", f"Dear {SECRET}"} <= set(texts)


async def test_what_is_kept_too_long_is_emptied_by_the_job(parts: Parts, shop: Shop) -> None:
    await talk(parts, shop)
    async with parts.database.work() as work:
        await purge(work, {})
    untouched = await everything(parts)
    async with parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, shop.workspace_id)
        workspace.settings = {"retention_days": 30}
        conversation = (await work.session.scalars(select(Conversation))).one()
        conversation.last_message_at -= timedelta(days=31)
    async with parts.database.work() as work:
        await purge(work, {})

    async with parts.database.snapshot() as session:
        said = list(await session.scalars(select(Message.text)))
        jobs = list(await session.scalars(select(Job.kind).where(Job.kind == PURGE_JOB)))
    assert SECRET in untouched
    assert set(said) == {""}
    assert jobs == [PURGE_JOB], "there is one, for later"


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
async def test_who_writes_on_before_the_job_has_the_lock_keeps_their_words(
    parts: Parts, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk(parts, shop)
    async with parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, shop.workspace_id)
        workspace.settings = {"retention_days": 30}
        conversation = (await work.session.scalars(select(Conversation))).one()
        conversation.last_message_at -= timedelta(days=31)
    find_expired = Contacts.expired

    async def write_on(
        contacts: Contacts, workspace_id: UUID, before: datetime, limit: int
    ) -> list[UUID]:
        [found] = await find_expired(contacts, workspace_id, before, limit)
        async with parts.database.work() as other:
            conversation = await other.session.get_one(Conversation, found)
            conversation.last_message_at = other.clock()
        return [found]

    monkeypatch.setattr(Contacts, "expired", write_on)
    async with parts.database.work() as work:
        await purge(work, {})

    async with parts.database.snapshot() as session:
        assert SECRET in "".join(await session.scalars(select(Message.text)))


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_erasing_asks_for_the_word_and_export_is_a_file(served: Served) -> None:
    contact_id = await talk(served.parts, served.shop)
    async with desk_of(served, AgentRole.ADMIN) as desk:
        file = await desk.post(f"/contacts/{contact_id}/export")
        asked = await desk.post(f"/contacts/{contact_id}/erase", confirm="yes")
        page = await desk.get("/contacts", q=SECRET[:5])
        erased = await desk.post(f"/contacts/{contact_id}/erase", confirm="ERASE")
        gone = await desk.get("/contacts", q=SECRET[:5])

    assert file.headers["content-disposition"].startswith("attachment")
    assert file.json()["contact"]["name"] == SECRET
    assert asked.status_code == 422 and "Type “erase” to confirm." in asked.text
    assert SECRET in page.text
    assert erased.status_code == 303 and "Nobody found" in gone.text
