"""Words that are erased or redacted leave open dashboards and widgets at once, and every log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.audit.service import Doer
from app.conversations import desk
from app.conversations import service as conversations
from app.conversations.redaction import redact
from app.errors import StaleAnswer
from app.handoff import service as handoff
from app.models import Contact, Conversation, Message, ReadMarker, Workspace
from app.parts import Parts
from app.privacy.service import ERASED_NAME, erase_contact, purge
from app.vocabulary import AgentRole
from tests.app import bot
from tests.care_client import CareClient, View, agent_headers
from tests.conftest import Served
from tests.factories import message, nothing_shown

SECRET = "Xylophone-4711"


@dataclass
class Meeting:
    """A customer's widget and an agent's page, both open on one conversation."""

    served: Served
    customer: CareClient
    desk: CareClient
    c: str

    @property
    def parts(self) -> Parts:
        return self.served.parts

    @property
    def owner(self) -> Doer:
        return Doer(self.served.shop.agents[AgentRole.OWNER])

    async def stored(self) -> View:
        """What somebody who opens it now sees; the agent's page goes on from there."""
        start = len(self.desk.frames)
        await self.desk.send("watch", c=self.c)
        return View.of((await self.desk.wait_for("snapshot", start=start))["d"])

    async def last_seq(self) -> int:
        async with self.parts.database.snapshot() as session:
            return (await session.get_one(Conversation, UUID(self.c))).last_seq

    async def contact_id(self) -> UUID:
        async with self.parts.database.snapshot() as session:
            return (await session.get_one(Conversation, UUID(self.c))).contact_id


@asynccontextmanager
async def meeting(served: Served) -> AsyncIterator[Meeting]:
    headers = await agent_headers(served.parts, served.shop.agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(served.shop.agent)
        c: str = (await customer.say(f"I am {SECRET}"))["d"]["c"]
        met = Meeting(served, customer, desk, c)
        await met.stored()
        await desk.send("note", c=c, cid="1", text=f"It is {SECRET} again")
        await desk.wait_for("note.created")
        yield met


def words(view: View) -> str:
    return "".join(said for _, said in view.texts())


async def erase(met: Meeting) -> None:
    contact_id = await met.contact_id()
    async with met.parts.database.work() as work:
        await erase_contact(work, met.owner, contact_id)


async def logged(parts: Parts) -> str:
    """All that is kept of events and of what is to be sent."""
    async with parts.database.snapshot() as session:
        tables = ("conversation_event", "webhook_delivery", "idempotency_key", "job")
        return str([(await session.execute(text(f"SELECT * FROM {one}"))).all() for one in tables])


async def test_erasing_empties_the_open_page_and_ends_the_widgets_session(served: Served) -> None:
    async with meeting(served) as met:
        assert SECRET in words(met.desk.views[met.c])
        await erase(met)

        seen = await met.desk.wait_for_seq(met.c, await met.last_seq())
        assert words(seen) == ""
        assert seen == await met.stored(), "state plus events is the state fetched anew"
        told = (await met.desk.wait_for("contact.changed"))["d"]
        assert (told["name"], told["subject"], told["blocked"]) == (ERASED_NAME, "", False)
        await met.desk.wait_for("list.dirty")
        assert await met.customer.wait_closed() == 4401
        assert SECRET not in await logged(met.parts)


async def test_a_page_that_was_away_is_told_when_it_comes_back(served: Served) -> None:
    async with meeting(served) as met:
        seen = met.desk.views[met.c]
        await met.desk.cut()
        await erase(met)
        headers = await agent_headers(served.parts, served.shop.agent)
        async with served.client(**headers) as again:
            again.views[met.c] = seen
            await again.hello_agent(served.shop.agent, resume={met.c: seen.last_seq})
            after = await again.wait_for_seq(met.c, await met.last_seq())

        assert words(after) == ""


async def test_who_was_blocked_is_so_after_erasure_and_for_pages_that_come_back(
    served: Served,
) -> None:
    async with meeting(served) as met:
        before = met.desk.views[met.c]
        await met.desk.cut()
        async with served.parts.database.work() as work:
            agent, c = served.shop.agent, UUID(met.c)
            await desk.set_blocked(work, agent, c, is_on=True, shown=nothing_shown)
        await erase(met)

        headers = await agent_headers(served.parts, served.shop.agent)
        async with served.client(**headers) as again:
            again.views[met.c] = before
            await again.hello_agent(served.shop.agent, resume={met.c: before.last_seq})
            after = await again.wait_for_seq(met.c, await met.last_seq())

    assert after.is_blocked and words(after) == ""


async def test_an_answer_that_is_being_written_ends_with_the_contact(served: Served) -> None:
    async with meeting(served) as met:
        live = await bot.begin(served.parts, met.c)
        live.append(f"Dear {SECRET}, parcels leave our warehouse within two working days. And")
        live.flush()
        await met.desk.wait_for("answer.delta")
        await erase(met)

        assert live.ended.is_set() and served.parts.hub.answers.find(UUID(met.c)) is None
        with pytest.raises(StaleAnswer):
            await bot.complete(served.parts, live)
        assert words(await met.stored()) == ""


async def test_redacting_empties_the_message_wherever_it_is_open(served: Served) -> None:
    async with meeting(served) as met:
        async with served.parts.database.snapshot() as session:
            query = select(Message.id).where(Message.text.contains(SECRET)).order_by(Message.seq)
            said = list(await session.scalars(query))
        for message_id in said:
            async with served.parts.database.work() as work:
                await redact(work, met.owner, UUID(met.c), message_id)

        last_seq = await met.last_seq()
        assert words(await met.customer.wait_for_seq(met.c, last_seq)) == ""
        assert await met.desk.wait_for_seq(met.c, last_seq) == await met.stored()
        assert SECRET not in await logged(met.parts)


async def test_what_is_kept_too_long_leaves_open_views_and_is_nothing_new_to_read(
    served: Served,
) -> None:
    async with meeting(served) as met:
        parts, agent, c = served.parts, served.shop.agent, UUID(met.c)
        async with parts.database.work() as work:
            await handoff.take_over(work, agent, c, epoch=0, shown=nothing_shown)
            reply = message("An answer.", conversation_id=c)
            await handoff.post_reply(work, agent, reply, shown=nothing_shown)
            await conversations.resolve(work, agent, c, shown=nothing_shown)
        await rate_it(met)
        before = await met.last_seq()
        await met.customer.wait_for_seq(met.c, before)
        await met.customer.send("read", c=met.c, s=before)
        await met.customer.send("ping", n=1)
        await met.customer.wait_for("pong")
        async with parts.database.work() as work:
            workspace = await work.session.get_one(Workspace, served.shop.workspace_id)
            workspace.settings = {"retention_days": 30}
            (await work.session.get_one(Conversation, c)).last_message_at -= timedelta(days=31)
        async with parts.database.work() as work:
            await purge(work, {})

        last_seq = await met.last_seq()
        assert last_seq > before
        seen = await met.customer.wait_for_seq(met.c, last_seq)
        stored = await met.stored()
        assert words(seen) == "" and seen == stored.public()
        assert stored.rating == {"score": 2, "about": "human"}
        async with parts.database.snapshot() as session:
            mine = select(ReadMarker.seq).where(ReadMarker.reader_id == await met.contact_id())
            assert (await session.scalars(mine)).all() == [last_seq]


async def rate_it(met: Meeting) -> None:
    start = len(met.customer.frames)
    await met.customer.send("csat.submit", c=met.c, cid="r", score=2, comment=f"Said {SECRET}")
    await met.customer.wait_for("ack", start=start)


async def test_a_conversation_that_goes_on_meanwhile_is_kept(served: Served) -> None:
    async with meeting(served) as met:
        async with served.parts.database.work() as work:
            workspace = await work.session.get_one(Workspace, served.shop.workspace_id)
            workspace.settings = {"retention_days": 30}
            conversation = await work.session.get_one(Conversation, UUID(met.c))
            conversation.last_message_at -= timedelta(days=31)
        async with served.parts.database.work() as work:
            await purge(work, {})

        assert SECRET in words(await met.stored()), "it has not ended"
        async with served.parts.database.snapshot() as session:
            assert (await session.get_one(Contact, await met.contact_id())).erased_at is None
