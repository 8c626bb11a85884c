"""A program with a key of its own in front of the real routes, in process."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from app.api.scopes import Scope
from app.api.service import NewKey, create_key
from app.audit.service import Doer
from app.parts import Parts
from app.vocabulary import AgentRole
from tests.factories import Shop
from tests.routes import routes_over

BASE_URL = "http://careline.test"


async def make_key(parts: Parts, shop: Shop, *scopes: Scope, name: str = "Helpdesk") -> str:
    """The secret of a new key; without scopes it may do everything."""
    async with parts.database.work() as work:
        doer = Doer(shop.agents[AgentRole.ADMIN])
        made = await create_key(work, doer, NewKey(name, scopes or (Scope.ADMIN,)))
    return made.secret


@dataclass
class Api:
    """The routes of one application, and clients of them."""

    parts: Parts
    shop: Shop
    app: FastAPI = field(init=False)
    open_clients: list[httpx.AsyncClient] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = routes_over(self.parts)

    async def client(self, *scopes: Scope, shop: Shop | None = None) -> httpx.AsyncClient:
        """Of a fresh key of this or another company."""
        secret = await make_key(self.parts, shop or self.shop, *scopes)
        return self.with_headers(Authorization=f"Bearer {secret}")

    def with_headers(self, **headers: str) -> httpx.AsyncClient:
        """Of anybody."""
        transport = httpx.ASGITransport(app=self.app)
        made = httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers)
        self.open_clients.append(made)
        return made

    async def close(self) -> None:
        """All clients."""
        for one in self.open_clients:
            await one.aclose()


def told(answer: httpx.Response, status: int = 200) -> Any:
    """The JSON of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json()
