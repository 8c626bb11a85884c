"""What agents see of who is speaking: signed and merely said, told apart, always as text."""

import pytest

from app.vocabulary import AgentRole
from tests.app.identity.signing import new_signer
from tests.app.office.desk import desk_of
from tests.conftest import Served

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_an_agent_sees_what_was_signed_and_what_a_page_has_said(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as client:
        await client.hello(jwt=signer.token("u-77", name=HOSTILE, attributes={"plan": "pro"}))
        await client.send("attributes", values={"plan": "free", "cart": HOSTILE})
        c = (await client.say("Hello"))["d"]["c"]

    async with desk_of(served, AgentRole.AGENT) as desk:
        page = (await desk.get(f"/conversations/{c}")).text

    assert "<bdi>u-77</bdi> <small>signed in</small>" in page
    assert '<dt>plan</dt><dd dir="auto">pro</dd>' in page and ">free" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <small>said by the page</small>" in page
    assert HOSTILE not in page
