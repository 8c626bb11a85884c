"""The page of API keys: a key is made with scopes, shown once, used, and ended."""

import re

import pytest

from app.vocabulary import AgentRole
from tests.api_client import Api
from tests.app.office.desk import desk_of
from tests.conftest import Served


@pytest.fixture
def store() -> str:
    return "sqlite"


async def test_a_key_is_shown_once_works_and_ends(served: Served) -> None:
    api = Api(served.parts, served.shop)
    async with desk_of(served, AgentRole.ADMIN) as desk:
        form = {"name": "Helpdesk", "scope_conversations:read": "on", "days": "30"}

        made = await desk.post("/keys", **form)
        [secret] = re.findall(r"ck_live_\w+_\w{40}", made.text)
        http = api.with_headers(Authorization=f"Bearer {secret}")
        opened = await http.get("/v1/conversations")
        listed = (await desk.get("/keys")).text
        [path] = re.findall(r'action="/dashboard(/keys/[^"]+/revoke)"', listed)
        await desk.post(path)
        closed = await http.get("/v1/conversations")
        after = (await desk.get("/keys")).text

    assert (opened.status_code, closed.status_code) == (200, 401)
    assert secret not in listed and "conversations:read" in listed
    assert "Revoked" in after


async def test_what_is_missing_is_told_at_its_field(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        refused = await desk.post("/keys", name="", days="soon")

    assert refused.status_code == 422
    assert refused.text.count("field-error") == 3
