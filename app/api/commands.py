"""`careline key ...` and `careline openapi`: keys from a shell, also while Careline runs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import schema
from app.api.description import write_description
from app.api.scopes import Scope
from app.api.service import MadeKey, NewKey, create_key, read_keys, revoke_key
from app.audit.service import Doer
from app.clock import as_wire, now
from app.data_folder import DataFolder
from app.database import Database
from app.errors import NotFound
from app.events import Dispatcher
from app.models import Agent, ApiKey
from app.settings import Settings, read_settings
from app.speakers import SignedInAgent
from app.vocabulary import AgentRole

keys = typer.Typer(help="Keys of programs that use the API.", no_args_is_help=True)
out = Console(highlight=False)

Data = Annotated[Path | None, typer.Option(help="Folder of the database.")]
Maker = Annotated[
    str | None, typer.Option(help="E-mail of the admin it belongs to; default: the first owner.")
]
T = TypeVar("T")


@keys.command("create")
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; give as many as needed.")],
    expires_days: Annotated[int | None, typer.Option(min=1, max=3_650)] = None,
    agent: Maker = None,
    data: Data = None,
) -> None:
    """Make a key and show its secret, once."""
    expires_at = now() + timedelta(days=expires_days) if expires_days else None
    new = NewKey(name, scope, expires_at)

    async def make(database: Database) -> MadeKey:
        async with database.work() as work:
            return await create_key(work, await _doer(work.session, agent), new)

    made = asyncio.run(_with_database(read_settings(data=data), make))
    out.print(made.secret, markup=False, soft_wrap=True)


@keys.command("list")
def list_keys(agent: Maker = None, data: Data = None) -> None:
    """Show all keys, never their secrets."""

    async def read(database: Database) -> Table:
        table = Table("Id", "Name", "Begins", "Scopes", "Made by", "Last used", "Works")
        async with database.snapshot() as session:
            doer = await _doer(session, agent)
            for one in await read_keys(session, doer.agent.workspace_id, now()):
                row = one.row
                used = as_wire(row.last_used_at) if row.last_used_at else "never"
                works = "yes" if one.is_working else "no"
                scopes = ", ".join(row.scopes)
                table.add_row(
                    str(row.id), row.name, row.prefix, scopes, one.maker_name, used, works
                )
        return table

    out.print(asyncio.run(_with_database(read_settings(data=data), read)))


@keys.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, or how it begins.")],
    agent: Maker = None,
    data: Data = None,
) -> None:
    """End a key at once."""

    async def end(database: Database) -> str:
        async with database.work() as work:
            doer = await _doer(work.session, agent)
            return (await revoke_key(work, doer, (await _find(work.session, doer, key)).id)).name

    name = asyncio.run(_with_database(read_settings(data=data), end))
    out.print(f"The key {name} opens nothing any more.", markup=False)


def openapi(
    file: Annotated[Path, typer.Argument(help="Such as docs/openapi.json.")],
) -> None:
    """Write the description of the API (OpenAPI 3.1) to a file."""
    write_description(file)


async def _with_database(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    """Raises: DatabaseBehind or DatabaseTooNew unless the tables are this code's."""
    DataFolder(settings.data).prepare()
    database = Database(settings.database, Dispatcher())
    try:
        await schema.check(database)
        return await act(database)
    finally:
        await database.close()


async def _doer(session: AsyncSession, email: str | None) -> Doer:
    query = select(Agent).where(Agent.disabled_at.is_(None))
    if email is None:
        query = query.where(Agent.role == AgentRole.OWNER)
    else:
        query = query.where(Agent.email == email.strip().lower())
    found = (await session.scalars(query.order_by(Agent.id).limit(1))).one_or_none()
    if found is None:
        raise NotFound(f"There is no account {email}." if email else "There is no owner yet.")
    who = SignedInAgent(found.workspace_id, found.id, found.name, found.role)
    return Doer(who, name=f"{found.name}, by the command line")


async def _find(session: AsyncSession, doer: Doer, key: str) -> ApiKey:
    query = select(ApiKey).where(ApiKey.workspace_id == doer.agent.workspace_id)
    for row in await session.scalars(query):
        if key in (str(row.id), row.prefix):
            return row
    raise NotFound(f"There is no key {key}.")
