"""Keys: what opens a door, what does not, and what is told."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.api.limits import Limits
from app.api.scopes import Scope
from app.api.service import NewKey, create_key, read_keys, revoke_key
from app.audit.service import Doer
from app.clock import now
from app.errors import Forbidden, Invalid
from app.models import Agent, ApiKey, AuditEntry
from app.security import hash_token
from app.vocabulary import AgentRole
from tests.api_client import Api, make_key, told


@pytest.fixture
def store() -> str:
    return "sqlite"


async def test_a_key_is_stored_as_a_hash_and_opens_what_its_scopes_say(api: Api) -> None:
    secret = await make_key(api.parts, api.shop, Scope.CONVERSATIONS_READ)
    http = api.with_headers(Authorization=f"Bearer {secret}")

    told(await http.get("/v1/conversations"))

    async with api.parts.database.snapshot() as session:
        row = (await session.scalars(select(ApiKey))).one()
    assert secret.startswith("ck_live_")
    assert row.secret_hash == hash_token(secret)
    assert row.prefix in secret and len(secret) > len(row.prefix) + 30
    assert row.last_used_at is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer ck_live_aaaaaaaa_bbbb"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic Y2s6eA=="},
        {"X-Api-Key": "ck_live_aaaaaaaa_bbbb"},
    ],
)
async def test_without_a_working_key_nothing_is_told(api: Api, headers: dict[str, str]) -> None:
    answer = await api.with_headers(**headers).get("/v1/conversations")

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]


async def test_the_cookie_of_an_agent_is_no_key(api: Api) -> None:
    async with api.parts.database.snapshot() as session:
        row = await session.get_one(Agent, api.shop.agent.agent_id)
    cookie = api.parts.secrets.agent_cookie(row.id, row.password_hash)

    answer = await api.with_headers(Cookie=f"careline_agent={cookie}").get("/v1/conversations")

    assert answer.status_code == 401


async def test_a_missing_scope_is_named(api: Api) -> None:
    http = await api.client(Scope.CONTACTS_READ)

    problem = told(await http.get("/v1/conversations"), 403)

    assert problem["code"] == "missing_scope"
    assert "conversations:read" in problem["detail"]


@pytest.mark.parametrize("ending", ["revoked", "expired", "demoted", "deactivated"])
async def test_a_key_ends_when_it_is_revoked_or_expires_or_its_maker_is_no_admin(
    api: Api, ending: str
) -> None:
    http = await api.client()
    maker = api.shop.agents[AgentRole.ADMIN]
    told(await http.get("/v1/conversations"))

    async with api.parts.database.work() as work:
        key = (await work.session.scalars(select(ApiKey))).one()
        mine = update(Agent).where(Agent.id == maker.agent_id)
        if ending == "revoked":
            await revoke_key(work, Doer(maker), key.id)
        elif ending == "expired":
            key.expires_at = now() - timedelta(seconds=1)
        elif ending == "demoted":
            await work.session.execute(mine.values(role=AgentRole.AGENT))
        else:
            await work.session.execute(mine.values(disabled_at=now()))

    assert (await http.get("/v1/conversations")).status_code == 401
    async with api.parts.database.snapshot() as session:
        [listed] = await read_keys(session, api.shop.workspace_id, now())
    assert not listed.is_working


async def test_only_admins_make_keys_and_it_is_noted(api: Api) -> None:
    new = NewKey("Helpdesk", [Scope.KB_READ])
    async with api.parts.database.work() as work:
        with pytest.raises(Forbidden):
            await create_key(work, Doer(api.shop.agent), new)
        with pytest.raises(Invalid, match="at least one scope"):
            await create_key(work, Doer(api.shop.agents[AgentRole.OWNER]), NewKey("x", []))
        made = await create_key(work, Doer(api.shop.agents[AgentRole.OWNER]), new)

    async with api.parts.database.snapshot() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.action, entry.target) == ("api_key.created", "Helpdesk")
    assert made.secret not in str(entry.details)


async def test_a_key_that_asks_too_often_is_told_when_to_come_again(api: Api) -> None:
    moment = 0.0
    api.parts.api_limits = Limits(per_s=0.5, burst=2, monotonic=lambda: moment)
    http, other = await api.client(), await api.client()

    first, second, refused = [await http.get("/v1/conversations") for _ in range(3)]
    moment = 2.0
    again = await http.get("/v1/conversations")

    assert [one.status_code for one in (first, second, refused, again)] == [200, 200, 429, 200]
    assert first.headers["RateLimit-Policy"] == '"key";q=2;w=4'
    assert first.headers["RateLimit"] == '"key";r=1;t=2'
    assert (refused.headers["RateLimit"], refused.headers["Retry-After"]) == ('"key";r=0;t=4', "2")
    assert refused.json()["code"] == "rate_limited"
    told(await other.get("/v1/conversations"))
