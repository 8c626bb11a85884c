"""A browser in which an agent has signed in, with the token that forms must carry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from app.agents.cookies import COOKIE_NAME
from app.vocabulary import AgentRole
from tests.care_client import agent_headers
from tests.conftest import Served
from tests.patience import PATIENCE_S


@dataclass(frozen=True)
class Desk:
    """Somebody in front of the office's pages."""

    client: httpx.AsyncClient
    csrf: str

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(f"/dashboard{path}", params=query)

    async def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form of ours."""
        return await self.client.post(f"/dashboard{path}", data={"csrf": self.csrf} | form)


@asynccontextmanager
async def desk_of(served: Served, role: AgentRole) -> AsyncIterator[Desk]:
    """The desk of the shop's agent of this role."""
    headers = await agent_headers(served.parts, served.shop.agents[role])
    cookie = headers["Cookie"].removeprefix(f"{COOKIE_NAME}=")
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        yield Desk(client, served.parts.secrets.csrf_token(cookie))
