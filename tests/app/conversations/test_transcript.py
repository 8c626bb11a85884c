"""Transcripts: what the customer saw, as text and as a page, for nobody else."""

import httpx
import pytest

from app.vocabulary import AgentRole
from tests.app.bot import begin, complete
from tests.app.files.test_router import fetch, upload
from tests.app.office.desk import desk_of
from tests.care_client import CareClient, agent_headers
from tests.conftest import Served
from tests.factories import ORIGIN
from tests.patience import PATIENCE_S

HOSTILE = "<script>alert(1)</script> & “more”"
NOTE = "A secret among colleagues"


async def talk(served: Served, client: CareClient) -> str:
    """A conversation with everything in it; returns its id."""
    client.session = str((await client.hello())["session"])
    c = str((await client.say(HOSTILE))["d"]["c"])
    live = await begin(served.parts, c)
    live.append("It is on its way.")
    await complete(served.parts, live)
    agent = served.shop.agent
    async with served.client(**await agent_headers(served.parts, agent)) as desk:
        await desk.hello_agent(agent)
        await desk.send("note", c=c, cid="n1", text=NOTE)
        await desk.wait_for("ack", cid="n1")
    file_id = (await upload(served, client.session, "<b>.png")).json()["id"]
    await client.send("message.send", cid="f1", c=c, text="", files=[file_id])
    await client.wait_for("ack", cid="f1")
    return c


async def transcript(served: Served, session: str | None, c: str, query: str) -> httpx.Response:
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {session}"}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        url = f"{served.http_url}/widget/{served.shop.site}/conversations/{c}/transcript?{query}"
        return await client.get(url, headers=headers)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_it_holds_what_the_customer_saw_and_text_stays_text(served: Served) -> None:
    async with served.client(Origin=ORIGIN) as client:
        c = await talk(served, client)

    text = await transcript(served, client.session, c, "as=txt&tz=Asia/Tokyo")
    page = await transcript(served, client.session, c, "as=html")

    assert text.headers["content-disposition"] == 'attachment; filename="conversation-1.txt"'
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"Visitor: {HOSTILE}" in text.text and "Times: Asia/Tokyo" in text.text
    assert "Assistant: It is on its way." in text.text and "[file: <b>.png]" in text.text
    assert "<script>" not in page.text and "&lt;script&gt;" in page.text
    assert "<b>.png" not in page.text and "attachment" in page.headers["content-disposition"]
    assert NOTE not in text.text + page.text


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_nobody_else_has_it_but_agents(served: Served) -> None:
    async with served.client(Origin=ORIGIN) as client, served.client(Origin=ORIGIN) as other:
        c = await talk(served, client)
        other.session = str((await other.hello())["session"])
        await other.say("Hello")

    assert (await transcript(served, other.session, c, "as=txt")).status_code == 404
    assert (await transcript(served, client.session, c, "as=pdf")).status_code == 422
    assert (await transcript(served, client.session, c, "tz=Mars/Base")).status_code == 422
    assert (await fetch(served, other.session, c)).status_code == 404
    async with desk_of(served, AgentRole.VIEWER) as desk:
        told = await desk.get(f"/conversations/{c}/transcript", **{"as": "txt"})
    assert told.status_code == 200 and NOTE not in told.text and HOSTILE in told.text
