"""Signing in: what is right opens the door, what is wrong looks and takes alike, and wears out."""

import pytest

from app.agents import service as agents
from app.agents.service import NewAgent, SignIn
from app.clock import now
from app.errors import Invalid, NotSignedIn, RateLimited
from app.models import Agent
from app.parts import Parts
from app.security import hash_password
from app.throttle import Throttle
from app.vocabulary import AgentRole
from tests.factories import PASSWORD, Shop


async def sign_in(
    parts: Parts,
    email: str,
    password: str = PASSWORD,
    *,
    throttle: Throttle | None = None,
    address: str = "192.0.2.1",
) -> SignIn:
    async with parts.database.snapshot() as session:
        return await agents.sign_in(
            session,
            parts.secrets,
            throttle or parts.sign_ins,
            email=email,
            password=password,
            address=address,
        )


async def recognise(parts: Parts, cookie: str | None) -> AgentRole:
    async with parts.database.snapshot() as session:
        return (await agents.recognise(session, parts.secrets, cookie)).role


async def change(parts: Parts, shop: Shop, **changes: object) -> None:
    async with parts.database.work() as work:
        row = await work.session.get_one(Agent, shop.agent.agent_id)
        for name, value in changes.items():
            setattr(row, name, value)


async def test_the_right_password_gives_a_cookie_that_is_recognised(
    parts: Parts, shop: Shop
) -> None:
    signed_in = await sign_in(parts, f"  {shop.email(AgentRole.ADMIN).upper()} ")

    assert signed_in.agent == shop.agents[AgentRole.ADMIN]
    assert await recognise(parts, signed_in.cookie) is AgentRole.ADMIN


async def test_what_is_wrong_is_told_alike(parts: Parts, shop: Shop) -> None:
    told = []
    for email, password in (
        (shop.email(AgentRole.AGENT), "wrong"),
        ("nobody@shop.example", PASSWORD),
        ("", ""),
    ):
        with pytest.raises(NotSignedIn) as refused:
            await sign_in(parts, email, password)
        told.append(refused.value.sentence)

    assert len(set(told)) == 1


async def test_a_disabled_account_neither_signs_in_nor_stays_signed_in(
    parts: Parts, shop: Shop
) -> None:
    cookie = (await sign_in(parts, shop.email(AgentRole.AGENT))).cookie
    await change(parts, shop, disabled_at=now())

    with pytest.raises(NotSignedIn):
        await sign_in(parts, shop.email(AgentRole.AGENT))
    with pytest.raises(NotSignedIn):
        await recognise(parts, cookie)


async def test_a_new_password_ends_the_old_cookies(parts: Parts, shop: Shop) -> None:
    cookie = (await sign_in(parts, shop.email(AgentRole.AGENT))).cookie
    await change(parts, shop, password_hash=hash_password("another long password"))

    with pytest.raises(NotSignedIn):
        await recognise(parts, cookie)


@pytest.mark.parametrize("cookie", [None, "", "x", "a.b.c", "\ud83d\ude00"])
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_cookie_that_is_not_ours_is_nobody(
    parts: Parts, shop: Shop, cookie: str | None
) -> None:
    with pytest.raises(NotSignedIn):
        await recognise(parts, cookie)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_after_too_many_wrong_passwords_even_the_right_one_waits(
    parts: Parts, shop: Shop
) -> None:
    moments = [0.0]
    throttle = Throttle(3, 60, monotonic=lambda: moments[0])
    email = shop.email(AgentRole.AGENT)
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            await sign_in(parts, email, "wrong", throttle=throttle)

    with pytest.raises(RateLimited) as refused:
        await sign_in(parts, email, throttle=throttle, address="192.0.2.2")
    with pytest.raises(RateLimited):
        await sign_in(parts, shop.email(AgentRole.OWNER), throttle=throttle)
    moments[0] = 61

    assert refused.value.retry_after_s == 60
    assert (await sign_in(parts, email, throttle=throttle)).agent == shop.agent


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("new@shop.example", "short"),
        ("no address", PASSWORD),
        ("AGENT@pk_test.example", PASSWORD),
    ],
)
async def test_an_account_that_cannot_be_made_is_refused(
    parts: Parts, shop: Shop, email: str, password: str
) -> None:
    async with parts.database.work() as work:
        new = NewAgent(shop.workspace_id, email, "New", AgentRole.AGENT, password)
        with pytest.raises(Invalid):
            await agents.create_agent(work, new)


async def test_a_new_account_can_sign_in(parts: Parts, shop: Shop) -> None:
    async with parts.database.work() as work:
        new = NewAgent(
            shop.workspace_id, "Ben@Shop.example", "Ben", AgentRole.AGENT, "ten letters and more"
        )
        await agents.create_agent(work, new)

    assert (await sign_in(parts, "ben@shop.example", "ten letters and more")).agent.name == "Ben"
