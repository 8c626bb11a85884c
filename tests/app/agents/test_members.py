"""Joining, roles, leaving; and that there is always an owner."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.agents import members
from app.audit.repository import read_entries
from app.audit.service import Doer
from app.database import Work
from app.errors import Forbidden, Invalid
from app.parts import Parts
from app.speakers import SignedInAgent
from app.vocabulary import AgentRole
from tests.app.office.desk import desk_of
from tests.conftest import Served
from tests.factories import Shop, open_shop

Attempt = Callable[[Work], Awaitable[object]]
PASSWORD = "correct horse battery"


def doer(shop: Shop, role: AgentRole) -> Doer:
    return Doer(shop.agents[role], "127.0.0.1")


async def test_a_company_keeps_its_last_owner(parts: Parts, shop: Shop) -> None:
    owner = shop.agents[AgentRole.OWNER]
    attempts: tuple[Attempt, ...] = (
        lambda work: members.change_role(
            work, doer(shop, AgentRole.OWNER), owner.agent_id, AgentRole.ADMIN
        ),
        lambda work: members.deactivate(work, doer(shop, AgentRole.OWNER), owner.agent_id),
    )
    for attempt in attempts:
        with pytest.raises(members.LastOwner):
            async with parts.database.work() as work:
                await attempt(work)

    admin = shop.agents[AgentRole.ADMIN]
    async with parts.database.work() as work:
        await members.change_role(
            work, doer(shop, AgentRole.OWNER), admin.agent_id, AgentRole.OWNER
        )
    async with parts.database.work() as work:
        await members.deactivate(work, doer(shop, AgentRole.OWNER), owner.agent_id)

    async with parts.database.snapshot() as session:
        noted = await read_entries(session, shop.workspace_id, area="member")
    assert [one.action for one in noted.entries] == [
        "member.deactivated",
        "member.role_changed",
    ]
    assert noted.entries[1].details == {"role": ["admin", "owner"]}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_admins_do_not_touch_owners(parts: Parts, shop: Shop) -> None:
    admin, owner = doer(shop, AgentRole.ADMIN), shop.agents[AgentRole.OWNER]
    attempts: tuple[Attempt, ...] = (
        lambda work: members.change_role(work, admin, owner.agent_id, AgentRole.AGENT),
        lambda work: members.change_role(work, admin, shop.agent.agent_id, AgentRole.OWNER),
        lambda work: members.deactivate(work, admin, owner.agent_id),
        lambda work: members.invite(work, admin, "new@shop.example", AgentRole.OWNER),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden):
            async with parts.database.work() as work:
                await attempt(work)


async def test_an_invitation_makes_one_account(parts: Parts, shop: Shop) -> None:
    async with parts.database.work() as work:
        invited = await members.invite(
            work, doer(shop, AgentRole.ADMIN), "new@shop.example", AgentRole.AGENT
        )
    async with parts.database.work() as work:
        joined = await members.join(work, invited.token, "New Ana", PASSWORD)

    assert (joined.email, joined.role) == ("new@shop.example", AgentRole.AGENT)
    with pytest.raises(members.InvitationOver):
        async with parts.database.work() as work:
            await members.join(work, invited.token, "Again", PASSWORD)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_an_old_or_revoked_link_is_over(parts: Parts, shop: Shop) -> None:
    admin = doer(shop, AgentRole.ADMIN)
    async with parts.database.work() as work:
        old = await members.invite(work, admin, "a@shop.example", AgentRole.AGENT)
        old.invitation.expires_at = work.clock() - timedelta(seconds=1)
        revoked = await members.invite(work, admin, "b@shop.example", AgentRole.AGENT)
        await members.revoke(work, admin, revoked.invitation.id)

    for token in (old.token, revoked.token, "guessed"):
        with pytest.raises(members.InvitationOver):
            async with parts.database.work() as work:
                await members.find_invitation(work, token)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_members_of_another_company_are_unknown(parts: Parts, shop: Shop) -> None:
    other = await open_shop(parts.database, "pk_other")
    theirs: SignedInAgent = other.agent

    with pytest.raises(Exception, match="no such thing"):
        async with parts.database.work() as work:
            await members.change_role(
                work, doer(shop, AgentRole.OWNER), theirs.agent_id, AgentRole.VIEWER
            )
    with pytest.raises(Invalid):
        async with parts.database.work() as work:
            await members.invite(
                work,
                doer(shop, AgentRole.OWNER),
                other.email(AgentRole.AGENT),
                AgentRole.AGENT,
            )


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_somebody_joins_through_the_pages(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        page = await desk.post("/members/invite", email="New@Shop.example ", role="viewer")
        link = re.search(r'value="(http[^"]*/dashboard/join/[^"]+)"', page.text)
        assert link is not None
        path = urlsplit(link[1]).path.removeprefix("/dashboard")
        desk.client.headers.pop("Cookie")

        assert "new@shop.example" in (await desk.get(path)).text
        short = await desk.client.post(f"/dashboard{path}", data={"name": "", "password": "abc"})
        joined = await desk.client.post(
            f"/dashboard{path}", data={"name": "<b>New</b>", "password": PASSWORD}
        )
        signed_in = await desk.client.post(
            "/dashboard/sign-in", data={"email": "new@shop.example", "password": PASSWORD}
        )

    assert short.status_code == 422 and "At least 10 characters, please." in short.text
    assert "Please fill this in." in short.text
    assert joined.headers["location"] == "/dashboard/sign-in"
    assert signed_in.headers["location"] == "/dashboard"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_bad_address_is_told_at_its_field(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        page = await desk.post("/members/invite", email="<script>", role="king")

    assert page.status_code == 422
    assert "This is not an e-mail address." in page.text and "choose one of these" in page.text
    assert "<script>" not in page.text.replace('<script src="/static', "").replace(
        '<script type="module"', ""
    )
