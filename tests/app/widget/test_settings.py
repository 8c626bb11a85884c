"""The page about the widget, and what browsers of other origins are told of it."""

import re

import httpx
import pytest

from app.audit.repository import read_entries
from app.models import Inbox
from app.vocabulary import AgentRole
from tests.app.identity.signing import Signer
from tests.app.office.desk import Desk, desk_of
from tests.conftest import Served
from tests.factories import ORIGIN
from tests.patience import PATIENCE_S

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
HOSTILE = '"><script>alert(1)</script>'
FORM = {
    "allowed_origins": f"{ORIGIN}\nshop.example\nhttps://*.Wide.example/",
    "accent": "#0A7F5A",
    "side": "left",
    "scheme": "dark",
    "locale": "de",
    "launcher": "Ask us",
    "greeting": HOSTILE,
    "questions": "One?\n\nTwo?",
    "prechat": "on",
    "asks_name": "optional",
    "asks_email": "required",
    "privacy_url": "https://shop.example/privacy",
}


async def read_inbox(served: Served) -> Inbox:
    async with served.parts.database.snapshot() as session:
        return await session.get_one(Inbox, served.shop.inbox_id)


async def fetch(served: Served, origin: str | None) -> httpx.Response:
    headers = {"Origin": origin} if origin else {}
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as client:
        return await client.get(f"/widget/v1/{served.shop.site}", headers=headers)


async def test_what_is_decided_is_stored_told_and_noted(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        saved = await desk.post("/widget", **FORM)
        again = await desk.post("/widget", **FORM)
        page = await desk.get("/widget")
    told = (await fetch(served, "https://a.wide.example")).json()

    assert (saved.status_code, again.status_code) == (303, 303)
    inbox = await read_inbox(served)
    assert inbox.allowed_origins == ["https://shop.example", "https://*.wide.example"]
    assert inbox.prechat["is_on"] is True and inbox.enforce_identity is False
    assert told["company"] == "Fernhill Supply" and told["side"] == "left"
    assert told["accent"] == "#0a7f5a" and told["questions"] == ["One?", "Two?"]
    assert told["greeting"] == HOSTILE and HOSTILE not in page.text
    async with served.parts.database.snapshot() as session:
        noted = await read_entries(session, served.shop.workspace_id, area="widget")
    [entry] = noted.entries
    assert entry.details["side"] == ["right", "left"]


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("allowed_origins", "https://shop.example/path", "is not an origin such as"),
        ("allowed_origins", "*", "is not an origin such as"),
        ("allowed_origins", "\n".join(f"s{n}.example" for n in range(51)), "At most 50"),
        ("accent", "red; background: url(//evil.example)", "At most 20 characters"),
        ("accent", "rgb(0,0,0)", "A colour such as"),
        ("side", "above", "Please choose one of these."),
        ("scheme", "", "Please choose one of these."),
        ("locale", "xx", "Please choose one of these."),
        ("launcher", "x" * 31, "At most 30 characters"),
        ("questions", "\n".join("abcdef"), "At most 5; there are 6."),
        ("questions", "x" * 121, "At most 120 characters in a line."),
        ("privacy_url", "javascript:alert(1)", "An address such as"),
        ("asks_name", "maybe", "Please choose one of these."),
    ],
)
async def test_what_does_not_fit_is_told_at_its_field(
    served: Served, field: str, value: str, reason: str
) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        refused = await desk.post("/widget", **FORM | {field: value})

    assert refused.status_code == 422
    error = re.search(rf'id="{field}-error">([^<]*)<', refused.text)
    assert error is not None and reason in error[1]
    assert (await read_inbox(served)).theme == {}


async def make_secret(desk: Desk, name: str) -> tuple[Signer, str]:
    """A new secret as the page shows it, and its id."""
    page = await desk.post("/widget/secrets", secret_name=name)
    assert page.headers["cache-control"] == "no-store"
    secret = re.search(r'value="(cis_[\w-]{43})"', page.text)
    kid = re.search(r"<code>(k_\w+)</code>", page.text)
    row = re.search(r"/secrets/([0-9a-f-]{36})/revoke", page.text)
    assert secret and kid and row
    return Signer(kid[1], secret[1]), row[1]


async def test_a_secret_is_shown_once_and_counts_until_it_is_revoked(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        signer, secret_id = await make_secret(desk, "Server")
        async with served.client() as client:
            assert (await client.hello(jwt=signer.token("u1")))["identity"]["id"] == "u1"
        page = (await desk.get("/widget")).text
        assert signer.kid in page and signer.secret not in page
        assert (await desk.post(f"/widget/secrets/{secret_id}/revoke")).status_code == 303
        assert (await desk.post(f"/widget/secrets/{secret_id}/revoke")).status_code == 404
        assert signer.kid not in (await desk.get("/widget")).text

    async with served.client() as client:
        told = (await client.hello(jwt=signer.token("u1")))["identity"]
    assert told["code"] == "identity_invalid"


@on_sqlite
async def test_there_are_never_more_secrets_than_a_change_needs(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        assert (await desk.post("/widget/secrets", secret_name="")).status_code == 422
        for number in range(5):
            await make_secret(desk, f"Server {number}")
        refused = await desk.post("/widget/secrets", secret_name="One more")

    assert refused.status_code == 422 and "revoke one first" in refused.text


@on_sqlite
async def test_only_pages_that_are_listed_are_told_how_the_widget_looks(served: Served) -> None:
    listed, own = await fetch(served, ORIGIN), await fetch(served, served.http_url)
    program = await fetch(served, None)
    assert listed.headers["access-control-allow-origin"] == ORIGIN
    assert own.status_code == program.status_code == 200
    assert all("Origin" in one.headers["vary"] for one in (listed, own, program))

    for origin in ("https://evil.example", "null", "http://shop.example", f"{ORIGIN}:8443"):
        refused = await fetch(served, origin)
        assert refused.status_code == 403 and refused.json()["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in refused.headers


@on_sqlite
async def test_an_unknown_site_is_not_found(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as client:
        assert (await client.get("/widget/v1/pk_nobody")).status_code == 404
