"""The contact beside a conversation: agents correct it, and other open pages hear of it."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from app.audit.service import Doer
from app.conversations import service as conversations
from app.models import AuditEntry, Contact, Conversation
from app.privacy.service import erase_contact
from app.vocabulary import AgentRole
from tests.app.office.desk import Desk, desk_of
from tests.care_client import agent_headers
from tests.conftest import Served
from tests.factories import message, nothing_shown, stranger
from tests.patience import PATIENCE_S

SUBJECT = "Where is my green parcel?"


async def begin(served: Served) -> UUID:
    """A visitor writes."""
    async with served.parts.database.work() as work:
        posted = await conversations.post_message(
            work,
            stranger(served.shop, "t"),
            message(SUBJECT),
            shown=nothing_shown,
            reopen_days=7,
        )
    return posted.conversation_id


async def contact_of(served: Served, conversation_id: UUID) -> Contact:
    async with served.parts.database.snapshot() as session:
        query = select(Contact).join(Conversation).where(Conversation.id == conversation_id)
        return (await session.scalars(query)).one()


async def correct(desk: Desk, conversation_id: UUID, **form: str) -> tuple[int, str]:
    answer = await desk.post(f"/conversations/{conversation_id}/contact", **form)
    return answer.status_code, answer.text


async def test_an_agent_corrects_a_contact_and_the_other_pages_hear_of_it(served: Served) -> None:
    headers = await agent_headers(served.parts, served.shop.agent)
    async with desk_of(served, AgentRole.AGENT) as desk, served.client(**headers) as other:
        await other.hello_agent(served.shop.agent)
        c = await begin(served)
        status, page = await correct(desk, c, name=" Kim <b>Lee</b> ", email="Kim@Example.org")

        assert status == 200 and "Kim &lt;b&gt;Lee&lt;/b&gt;" in page and "kim@example.org" in page
        kept = await contact_of(served, c)
        assert (kept.name, kept.email) == ("Kim <b>Lee</b>", "kim@example.org")
        async with asyncio.timeout(PATIENCE_S):
            while all("c" in frame for frame in other.heard("list.dirty")):
                await other.wait_for_news()
        await correct(desk, c, name="Kim", email="")
        assert (await contact_of(served, c)).email is None


async def test_what_was_corrected_is_noted_without_the_words(served: Served) -> None:
    async with desk_of(served, AgentRole.AGENT) as desk:
        c = await begin(served)
        await correct(desk, c, name="Kim Lee", email="")
        await correct(desk, c, name="Kim Lee", email="")

    async with served.parts.database.snapshot() as session:
        entries = (await session.scalars(select(AuditEntry))).all()
    assert [(one.action, one.details) for one in entries] == [
        ("contact.changed", {"fields": [None, "name"]})
    ]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": "", "email": ""}, "name"),
        ({"name": "x" * 201, "email": ""}, "name"),
        ({"name": "Kim", "email": "no address"}, "email"),
        ({"name": "Kim", "email": "x" * 250 + "@example.org"}, "email"),
    ],
)
async def test_what_does_not_fit_is_told_at_its_field(
    served: Served, form: dict[str, str], field: str
) -> None:
    async with desk_of(served, AgentRole.AGENT) as desk:
        c = await begin(served)
        before = await contact_of(served, c)
        status, page = await correct(desk, c, **form)

    assert status == 422 and f'id="{field}-error"' in page
    assert form["email"] in page, "what was typed stays"
    after = await contact_of(served, c)
    assert (after.name, after.email) == (before.name, before.email)


async def test_an_erased_contact_leaves_nothing_on_the_panel(served: Served) -> None:
    async with desk_of(served, AgentRole.AGENT) as desk:
        c = await begin(served)
        await correct(desk, c, name="Kim Lee", email="kim@example.org")
        before = (await desk.get(f"/conversations/{c}/contact")).text
        async with served.parts.database.work() as work:
            contact = await contact_of(served, c)
            await erase_contact(work, Doer(served.shop.agents[AgentRole.OWNER]), contact.id)
        after = (await desk.get(f"/conversations/{c}/contact")).text
        status, _ = await correct(desk, c, name="Kim again", email="")

    assert all(words in before for words in ("Kim Lee", "kim@example.org", SUBJECT))
    assert not any(words in after for words in ("Kim Lee", "kim@example.org", SUBJECT))
    assert status == 404 and (await contact_of(served, c)).name == "Erased contact"


async def test_a_viewer_sees_the_panel_and_no_form(served: Served) -> None:
    async with desk_of(served, AgentRole.VIEWER) as desk:
        c = await begin(served)
        panel = await desk.get(f"/conversations/{c}/contact")
        form = await desk.get(f"/conversations/{c}/contact/edit")

    assert panel.status_code == 200 and "/contact/edit" not in panel.text
    assert form.status_code == 403
