"""Files over HTTP and in messages: who may send, who may have them back, and that they go."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app import access
from app.audit.service import Doer
from app.files import service as files
from app.files.service import store_of
from app.models import Attachment, Job
from app.privacy.service import erase_contact
from app.vocabulary import AgentRole
from tests.app.files.test_kinds import HTML, PNG
from tests.app.office.desk import Desk, desk_of
from tests.care_client import CareClient, Frame, agent_headers
from tests.conftest import Served
from tests.factories import ORIGIN, open_shop
from tests.patience import PATIENCE_S
from tests.turned_clock import TurnedClock

HOSTILE = "<img src=x onerror=alert(1)>.png"


async def greeted(served: Served) -> CareClient:
    """A customer's socket; close it."""
    client = await served.client(Origin=ORIGIN).__aenter__()
    client.session = str((await client.hello())["session"])
    return client


async def upload(
    served: Served, session: str | None, name: str = "photo.png", content: bytes = PNG, **more: str
) -> httpx.Response:
    headers = {"X-File-Name": quote(name), "Origin": ORIGIN} | more
    if session is not None:
        headers["Authorization"] = f"Bearer {session}"
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        url = f"{served.http_url}/widget/{served.shop.site}/files"
        return await client.post(url, content=content, headers=headers)


async def fetch(served: Served, session: str | None, file_id: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        url = f"{served.http_url}/widget/{served.shop.site}/files/{file_id}"
        return await client.get(url, headers=headers)


async def send(client: CareClient, *file_ids: str, text: str = "", cid: str | None = None) -> Frame:
    cid = cid or f"m {file_ids}"[:64]
    start = len(client.frames)
    await client.send("message.send", cid=cid, text=text, files=list(file_ids))
    return await client.wait_for("ack", "nack", start=start, cid=cid)


async def sent_file(served: Served, client: CareClient, content: bytes = PNG) -> str:
    """The id of a file this customer has sent."""
    file_id = str((await upload(served, client.session, HOSTILE, content)).json()["id"])
    assert (await send(client, file_id))["t"] == "ack"
    return file_id


async def run_jobs(served: Served) -> None:
    """Everything that is due for files."""
    handlers = files.handlers(store_of(served.parts.settings))
    async with served.parts.database.work() as work:
        for job in (await work.session.scalars(select(Job))).all():
            if job.kind in handlers:
                await work.session.delete(job)
                await work.session.flush()
                await handlers[job.kind](work, job.payload)


def contents(served: Served) -> list[Path]:
    folder = served.parts.settings.data / "files"
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_file_goes_into_a_message_and_comes_back_to_be_saved(served: Served) -> None:
    client = await greeted(served)
    uploaded = await upload(served, client.session, HOSTILE)
    assert uploaded.status_code == 201, uploaded.text
    told = uploaded.json()
    assert (told["name"], told["type"], told["size"]) == (HOSTILE, "image/png", len(PNG))
    assert (await fetch(served, client.session, told["id"])).status_code == 404, "not sent yet"

    ack = await send(client, told["id"], text="Look")
    created = await client.wait_for("message.created")

    assert created["d"]["message"]["files"] == [told]
    got = await fetch(served, client.session, told["id"])
    assert got.content == PNG and got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    control = await client.wait_for("control.changed")
    assert control["d"]["reason"] == "files", "the bot does not answer what it cannot see"
    again = await send(client, told["id"], text="Look")
    assert again["d"]["message_id"] == ack["d"]["message_id"]
    await client.close()


async def test_only_who_may_see_the_conversation_may_have_the_file(served: Served) -> None:
    client, other = await greeted(served), await greeted(served)
    file_id = await sent_file(served, client)
    await other.say("Hello")
    elsewhere = await open_shop(served.parts.database, "pk_other")

    assert (await fetch(served, other.session, file_id)).status_code == 404
    assert (await fetch(served, None, file_id)).status_code == 401
    assert (await fetch(served, "forged", file_id)).status_code == 401
    async with desk_of(served, AgentRole.VIEWER) as desk:
        assert (await desk.get(f"/files/{file_id}")).content == PNG
    strangers = replace(served, shop=elsewhere)
    async with desk_of(strangers, AgentRole.OWNER) as desk:
        assert (await desk.get(f"/files/{file_id}")).status_code == 404
    await client.close()
    await other.close()


async def test_contents_without_a_row_go_when_they_are_a_day_old(served: Served) -> None:
    client = await greeted(served)
    await sent_file(served, client)
    [kept] = contents(served)
    orphan = kept.with_name("0" * 64)
    orphan.write_bytes(b"its work was not committed")
    handlers = files.handlers(store_of(served.parts.settings))
    clock = TurnedClock()

    for hours, left in ((23, {kept, orphan}), (2, {kept})):
        clock.go_on(hours=hours)
        async with served.parts.database.work() as work:
            await handlers[files.ORPHANS_JOB](replace(work, clock=clock), {})
        assert set(contents(served)) == left

    async with served.parts.database.snapshot() as session:
        again = select(Job.run_at).where(Job.kind == files.ORPHANS_JOB)
        assert (await session.scalars(again)).one() == clock() + timedelta(days=1)
    await client.close()


async def test_what_is_not_taken_leaves_nothing(served: Served) -> None:
    client = await greeted(served)
    limit = served.parts.settings.file_limit_bytes

    for code, name, content, more in (
        (413, "big.png", PNG + b"\0" * limit, {}),
        (422, "lie.png", HTML, {}),
        (422, "page.html", HTML, {}),
        (422, "a.png", PNG, {"Content-Type": "text/html"}),
        (422, "empty.txt", b"", {}),
        (403, "a.png", PNG, {"Origin": "https://evil.example"}),
    ):
        refused = await upload(served, client.session, name, content, **more)
        assert refused.status_code == code, (name, refused.text)
    assert (await upload(served, None)).status_code == 401

    assert contents(served) == []
    async with served.parts.database.snapshot() as session:
        assert (await session.scalars(select(Attachment))).first() is None
    await client.close()


async def test_a_message_takes_only_files_of_its_own_writer_and_once(served: Served) -> None:
    client, other = await greeted(served), await greeted(served)
    mine = (await upload(served, client.session)).json()["id"]

    stolen = await send(other, mine)
    assert (stolen["t"], stolen["d"]["code"]) == ("nack", "invalid")
    assert (await send(client, mine))["t"] == "ack"
    twice = await send(client, mine, cid="m2")

    assert (twice["t"], twice["d"]["code"]) == ("nack", "invalid")
    empty = await send(client, cid="m3")
    assert empty["d"]["code"] == "empty"
    await client.close()
    await other.close()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_session_sends_only_so_many_an_hour(served: Served) -> None:
    client = await greeted(served)
    allowed = served.parts.settings.files_per_h
    served.parts.uploads._limit = allowed * 10  # the address may, the session may not

    codes = [(await upload(served, client.session)).status_code for _ in range(allowed + 1)]

    assert codes == [201] * allowed + [429]
    assert len(contents(served)) == 1, "equal files lie there once"
    await client.close()


async def agent_upload(served: Served, desk: Desk, csrf: str) -> httpx.Response:
    headers = {"X-File-Name": "manual.pdf", "X-CSRF": csrf}
    return await desk.client.post("/dashboard/files", content=b"%PDF-1.7 x", headers=headers)


async def test_an_agent_sends_files_and_a_viewer_does_not(served: Served) -> None:
    client = await greeted(served)
    ack = await client.say("Hello")
    async with desk_of(served, AgentRole.AGENT) as desk:
        assert (await agent_upload(served, desk, "forged")).status_code == 403
        file_id = (await agent_upload(served, desk, desk.csrf)).json()["id"]
    async with desk_of(served, AgentRole.VIEWER) as desk:
        assert (await agent_upload(served, desk, desk.csrf)).status_code == 403
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client(**headers) as socket:
        await socket.hello_agent(agent)
        fields = {"cid": "a1", "text": "", "files": [file_id], "c": ack["d"]["c"]}
        await socket.send("message.send", **fields)
        assert (await socket.wait_for("ack", "nack", cid="a1"))["t"] == "ack"

    got = await fetch(served, client.session, file_id)

    assert got.headers["content-type"] == "application/pdf" and got.content == b"%PDF-1.7 x"
    await client.close()


async def test_erasing_a_contact_takes_their_files_and_no_equal_ones(served: Served) -> None:
    client, other = await greeted(served), await greeted(served)
    gone, kept = await sent_file(served, client), await sent_file(served, other)
    await sent_file(served, other, PNG + b"1")
    async with served.parts.database.snapshot() as session:
        file = await session.get_one(Attachment, UUID(gone))
    contact_id = await contact_of(served, file)
    doer = Doer(served.shop.agents[AgentRole.OWNER])

    async with served.parts.database.work() as work:
        await erase_contact(work, doer, contact_id)
    await run_jobs(served)

    async with desk_of(served, AgentRole.OWNER) as desk:
        assert (await desk.get(f"/files/{gone}")).status_code == 404
        assert (await desk.get(f"/files/{kept}")).content == PNG
    async with served.parts.database.work() as work:
        await erase_contact(work, doer, await contact_of(served, await found(served, kept)))
    await run_jobs(served)
    assert contents(served) == []
    await client.close()
    await other.close()


async def found(served: Served, file_id: str) -> Attachment:
    async with served.parts.database.snapshot() as session:
        return await session.get_one(Attachment, UUID(file_id))


async def contact_of(served: Served, file: Attachment) -> UUID:
    async with served.parts.database.snapshot() as session:
        assert file.conversation_id is not None
        conversation = await access.conversation(session, served.shop.agent, file.conversation_id)
        return conversation.contact_id


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_export_holds_what_was_sent(served: Served) -> None:
    client = await greeted(served)
    file_id = await sent_file(served, client)
    contact_id = await contact_of(served, await found(served, file_id))

    async with desk_of(served, AgentRole.OWNER) as desk:
        exported = await desk.post(f"/contacts/{contact_id}/export")

    with zipfile.ZipFile(io.BytesIO(exported.content)) as packed:
        told = json.loads(packed.read("contact.json"))
        assert packed.read(f"files/{file_id}-{HOSTILE}") == PNG
    assert told["conversations"][0]["messages"][0]["files"][0]["id"] == file_id
    await client.close()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_what_is_never_sent_goes_after_an_hour(served: Served) -> None:
    client = await greeted(served)
    await upload(served, client.session)
    await sent_file(served, client, PNG + b"1")
    handlers = files.handlers(store_of(served.parts.settings))

    async with served.parts.database.work() as work:
        later = replace(work, clock=lambda: served.parts.clock() + 2 * files._HOUR)
        await handlers[files.SWEEP_JOB](later, {})
    await run_jobs(served)

    async with served.parts.database.snapshot() as session:
        [left] = (await session.scalars(select(Attachment))).all()
    assert left.message_id is not None
    assert [path.name for path in contents(served)] == [left.sha256]
    await client.close()
