"""The audit log as people read it."""

import re

import pytest

from app.vocabulary import AgentRole
from tests.app.office.desk import desk_of
from tests.conftest import Served

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def test_what_was_done_is_told_in_words_and_can_be_narrowed(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        await desk.post("/labels", name="billing <b>", colour="red")
        await desk.post(
            "/replies", shortcut="hello", title="Hello", body_md="Hello!", is_shared="on"
        )
        every = await desk.get("/audit")
        labels = await desk.get("/audit", area="label")
        unknown = await desk.get("/audit", area="moon")

    assert "<strong>Label: created</strong>" in every.text
    assert "billing &lt;b&gt;" in every.text and "billing <b>" not in every.text
    assert every.text.count("<strong>") == 2 == unknown.text.count("<strong>")
    assert labels.text.count("<strong>") == 1
    assert re.search(r'<option value="label" selected>Labels</option>', labels.text)
    assert "True" not in every.text and "None" not in every.text


async def test_only_those_who_manage_read_it(served: Served) -> None:
    async with desk_of(served, AgentRole.AGENT) as desk:
        assert (await desk.get("/audit")).status_code == 403
