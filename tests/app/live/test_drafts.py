"""What a customer types reaches whoever prepares the answer, and nobody and nothing else."""

import pytest
from sqlalchemy import text

from app.events import DraftTyped
from app.live.protocol import MAX_DRAFT_CHARS
from app.models import Base
from app.settings import Settings
from tests.care_client import CareClient, agent_headers
from tests.conftest import Served

SECRET = "my password is hunter2"


def heard(served: Served) -> list[DraftTyped]:
    """Every draft from now on."""
    drafts: list[DraftTyped] = []
    served.parts.dispatcher.on(DraftTyped, drafts.append)
    return drafts


async def settled(client: CareClient) -> None:
    """Everything sent so far has been handled."""
    number = len(client.heard("pong"))
    await client.send("ping", n=number)
    await client.wait_for("pong", n=number)


async def test_a_draft_is_passed_on_and_ends_with_the_message(served: Served) -> None:
    drafts = heard(served)
    async with served.client() as customer:
        welcome = await customer.hello()
        assert welcome["drafts"] == {"every_s": 0.6, "chars": MAX_DRAFT_CHARS}

        await customer.send("draft", text="How long ")
        ack = await customer.say("How long does it take?")
        c = ack["d"]["c"]
        await customer.wait_for_seq(c, ack["d"]["s"])
        await customer.send("draft", c=c, text="And to")
        await settled(customer)

    assert [draft.text for draft in drafts] == ["How long", "", "And to"]
    assert [str(draft.conversation_id) for draft in drafts] == ["None", "None", c]
    assert len({draft.writer_id for draft in drafts}) == 1
    assert {draft.workspace_id for draft in drafts} == {served.shop.workspace_id}


async def test_nobody_sees_a_draft_and_nothing_keeps_it(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    headers = await agent_headers(served.parts, served.shop.agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(served.shop.agent)
        c = (await customer.say("Hello"))["d"]["c"]
        await desk.send("watch", c=c)
        await desk.wait_for("snapshot")

        await customer.send("draft", c=c, text=SECRET)
        await settled(customer)
        await settled(desk)

        assert SECRET not in str(desk.frames) and SECRET not in str(customer.frames)
    assert SECRET not in caplog.text
    async with served.parts.database.snapshot() as session:
        for table in Base.metadata.tables:
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
            assert SECRET not in str(rows)


class TestHasty:
    """With an interval between drafts that no slow machine outlasts."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"draft_interval_s": 3_600.0})

    async def test_strange_and_hasty_drafts_are_dropped_in_silence(self, served: Served) -> None:
        drafts = heard(served)
        headers = await agent_headers(served.parts, served.shop.agent)
        async with (
            served.client() as customer,
            served.client() as stranger,
            served.client(**headers) as desk,
        ):
            await customer.hello()
            c = (await customer.say("Hello"))["d"]["c"]
            await stranger.hello()
            await desk.hello_agent(served.shop.agent)
            drafts.clear()

            await stranger.send("draft", c=c, text="Whose conversation is this?")
            await desk.send("draft", c=c, text="An agent's words")
            for number in range(20):
                await customer.send("draft", c=c, text=f"word {number}")
            for client in (stranger, desk, customer):
                await settled(client)
                assert [frame for frame in client.frames if frame["t"] == "nack"] == []

        assert len(drafts) == 2, "two at once, and no more within the hour"
        assert all(draft.text.startswith("word") for draft in drafts)


async def test_a_draft_that_is_too_long_is_no_frame(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        await customer.send("draft", text="x" * (MAX_DRAFT_CHARS + 1))

        assert await customer.wait_closed() == 4400


class TestSwitchedOff:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"typing_ahead": 0})

    async def test_no_draft_is_wanted_or_passed_on(self, served: Served) -> None:
        drafts = heard(served)
        async with served.client() as customer:
            welcome = await customer.hello()
            await customer.send("draft", text="Anybody?")
            await settled(customer)

        assert "drafts" not in welcome
        assert drafts == []
