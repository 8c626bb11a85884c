"""What routers ask for by type."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from app.agents import service as agents
from app.agents.cookies import COOKIE_NAME
from app.database import Work
from app.errors import Forbidden, Invalid
from app.parts import Parts, parts_of
from app.speakers import SignedInAgent


async def check_address(connection: HTTPConnection) -> None:
    """Raises: Invalid when path or query of a request hold NUL, which no stored text can match."""
    asked = connection.scope
    if asked["type"] == "http" and ("\0" in asked["path"] or b"%00" in asked["query_string"]):
        raise Invalid("An address cannot hold NUL characters.")


def _parts(request: Request) -> Parts:
    return parts_of(request)


PartsDep = Annotated[Parts, Depends(_parts)]


async def _work(parts: PartsDep) -> AsyncIterator[Work]:
    async with parts.database.work() as work:
        yield work


async def _snapshot(parts: PartsDep) -> AsyncIterator[AsyncSession]:
    async with parts.database.snapshot() as session:
        yield session


WorkDep = Annotated[Work, Depends(_work, scope="function")]
"""A unit of work; the commit comes before the answer leaves."""

SnapshotDep = Annotated[AsyncSession, Depends(_snapshot, scope="function")]
"""A reading session that sees one moment."""


async def _agent(request: Request, parts: PartsDep, session: SnapshotDep) -> SignedInAgent:
    return await agents.recognise(session, parts.secrets, request.cookies.get(COOKIE_NAME))


AgentDep = Annotated[SignedInAgent, Depends(_agent)]
"""The agent whose cookie came along; NotSignedIn otherwise."""


async def _csrf_token(request: Request, parts: PartsDep, _agent: AgentDep) -> str:
    return parts.secrets.csrf_token(request.cookies[COOKIE_NAME])


CsrfDep = Annotated[str, Depends(_csrf_token)]
"""What a signed-in agent's page must send back, in forms and in the socket's hello."""


def check_csrf(request: Request, parts: Parts, token: str) -> None:
    """Raises: Forbidden unless the form came from a page of ours with this cookie."""
    if not parts.secrets.is_csrf_token(request.cookies.get(COOKIE_NAME, ""), token):
        raise Forbidden("This form has expired; please load the page again.")
