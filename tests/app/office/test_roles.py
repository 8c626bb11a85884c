"""Who may do what, over every route of the office: a new one must stand in the table."""

import asyncio
import re
from uuid import UUID

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from app.office.routers import ROUTERS
from app.vocabulary import AgentRole
from tests.app.office.desk import desk_of
from tests.conftest import Served

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

PUBLIC = {("GET", "/dashboard/join/{token}"), ("POST", "/dashboard/join/{token}")}
FOR_WRITERS = {
    "/dashboard/articles/new",
    "/dashboard/articles/preview",
    "/dashboard/articles/{article_id}",
    "/dashboard/articles/{article_id}/discard",
    "/dashboard/bench",
    "/dashboard/bench/ask",
    "/dashboard/bench/draft",
    "/dashboard/conversations/{conversation_id}/contact",
    "/dashboard/gaps/draft",
    "/dashboard/replies",
    "/dashboard/replies/{reply_id}",
    "/dashboard/replies/{reply_id}/delete",
}
FOR_MANAGERS = {
    "/dashboard/articles/{article_id}/archive",
    "/dashboard/articles/{article_id}/publish",
    "/dashboard/articles/{article_id}/restore",
    "/dashboard/contacts/{contact_id}/erase",
    "/dashboard/contacts/{contact_id}/export",
    "/dashboard/gaps/dismiss",
    "/dashboard/import/files",
    "/dashboard/import/urls",
    "/dashboard/keys",
    "/dashboard/keys/{key_id}/revoke",
    "/dashboard/labels",
    "/dashboard/labels/{label_id}",
    "/dashboard/labels/{label_id}/delete",
    "/dashboard/members/invitations/{invitation_id}/revoke",
    "/dashboard/members/invite",
    "/dashboard/members/{agent_id}/deactivate",
    "/dashboard/members/{agent_id}/reactivate",
    "/dashboard/members/{agent_id}/role",
    "/dashboard/connectors",
    "/dashboard/connectors/{connector_id}",
    "/dashboard/connectors/{connector_id}/check",
    "/dashboard/connectors/{connector_id}/delete",
    "/dashboard/connectors/{connector_id}/rotate",
    "/dashboard/settings",
    "/dashboard/webhooks",
    "/dashboard/webhooks/{webhook_id}",
    "/dashboard/webhooks/{webhook_id}/delete",
    "/dashboard/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    "/dashboard/webhooks/{webhook_id}/rotate",
    "/dashboard/webhooks/{webhook_id}/test",
    "/dashboard/widget",
    "/dashboard/widget/secrets",
    "/dashboard/widget/secrets/{secret_id}/revoke",
}
SEEN_BY_MANAGERS = {
    "/dashboard/audit",
    "/dashboard/contacts",
    "/dashboard/import",
    "/dashboard/import/{import_id}",
    "/dashboard/keys",
    "/dashboard/members",
    "/dashboard/connectors",
    "/dashboard/connectors/{connector_id}",
    "/dashboard/settings",
    "/dashboard/webhooks",
    "/dashboard/webhooks/{webhook_id}",
    "/dashboard/widget",
}


def routes(method: str) -> list[str]:
    """The paths of all routers, as they are written."""
    return sorted(
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        and method in (route.methods or ())
        and (method, route.path) not in PUBLIC
    )


def path_of(route: str) -> str:
    """With ids that nobody has."""
    return re.sub(r"\{\w+\}", str(UUID(int=7)), route).removeprefix("/dashboard")


def test_every_form_stands_in_the_table() -> None:
    assert all(isinstance(router, APIRouter) for router in ROUTERS)
    assert set(routes("POST")) == FOR_WRITERS | FOR_MANAGERS
    assert set(routes("GET")) >= SEEN_BY_MANAGERS


@on_sqlite
@pytest.mark.parametrize("role", list(AgentRole))
async def test_a_form_is_taken_from_those_who_may_and_refused_to_all_others(
    served: Served, role: AgentRole
) -> None:
    refused: set[str] = set()
    async with desk_of(served, role) as desk:
        for route in routes("POST"):
            answer = await desk.post(path_of(route))
            assert answer.status_code < 500, route
            if answer.status_code == 403:
                refused.add(route)

    match role:
        case AgentRole.VIEWER:
            assert refused == FOR_WRITERS | FOR_MANAGERS
        case AgentRole.AGENT:
            assert refused == FOR_MANAGERS
        case _:
            assert refused == set()


@on_sqlite
async def test_no_form_is_taken_without_our_token(served: Served) -> None:
    async with desk_of(served, AgentRole.OWNER) as desk:
        for route in routes("POST"):
            answer = await desk.client.post(f"/dashboard{path_of(route)}", data={"csrf": "guessed"})
            assert answer.status_code == 403, route


@on_sqlite
@pytest.mark.parametrize("role", list(AgentRole))
async def test_a_page_is_shown_to_those_who_may_see_it(served: Served, role: AgentRole) -> None:
    async with desk_of(served, role) as desk:
        for route in routes("GET"):
            answer = await desk.get(path_of(route))
            is_for_managers = route in SEEN_BY_MANAGERS
            may_see = not is_for_managers or role in (AgentRole.OWNER, AgentRole.ADMIN)
            assert answer.status_code in ((200, 404) if may_see else (403,)), route


@on_sqlite
async def test_nothing_is_shown_before_the_door(served: Served) -> None:
    async with desk_of(served, AgentRole.OWNER) as desk:
        desk.client.headers.pop("Cookie")
        for route in routes("GET"):
            answer = await desk.get(path_of(route))
            assert answer.headers["location"] == "/dashboard/sign-in", route
        for route in routes("POST"):
            answer = await desk.post(path_of(route))
            assert answer.headers["location"] == "/dashboard/sign-in", route


@on_sqlite
async def test_a_form_that_is_too_large_is_refused_unread(served: Served) -> None:
    async with desk_of(served, AgentRole.OWNER) as desk:
        cookie = desk.client.headers["Cookie"]
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"POST /dashboard/articles/new HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n"
    writer.write(f"{head}Content-Length: {10**9}\r\n\r\n".encode())

    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
