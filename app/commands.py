"""What the commands that serve do; `app/cli.py` tells their options."""

import asyncio
from collections.abc import Awaitable, Callable

from rich.console import Console

from app import schema
from app.data_folder import DataFolder
from app.database import Database
from app.demo.seed import seed as seed_demo
from app.events import Dispatcher
from app.first_run import Login, open_for_business
from app.logs import set_up_logs
from app.main import create_app
from app.parts import Parts
from app.serving import serve as serve_app
from app.settings import Settings
from app.worker_group import READY, end_with_parent, serve_group

out = Console(highlight=False)

PrepareLogin = Callable[[Parts], Awaitable[Login | None]]


def serve(settings: Settings) -> None:
    """One's own company, until a signal."""
    asyncio.run(_serve(settings, _prepare_first_run))


def demo(settings: Settings) -> None:
    """The demo company, until a signal."""
    asyncio.run(_serve(settings, _prepare_demo))


def worker(settings: Settings) -> None:
    """One of several web processes, until its parent ends."""
    asyncio.run(_work(settings))


def migrate(settings: Settings) -> None:
    """Bring the tables to this version."""
    asyncio.run(_migrate(settings))


async def _serve(settings: Settings, prepare: PrepareLogin) -> None:
    DataFolder(settings.data).prepare()
    set_up_logs(settings.log_dir, settings.log_level)
    out.print("Careline is starting its engine …")
    logins: list[Login] = []

    async def prepare_parts(parts: Parts) -> None:
        login = await prepare(parts)
        logins.extend([login] if login else [])

    def tell(port: int) -> None:
        _tell_urls(settings.host, port, logins)

    if settings.workers > 1:
        await serve_group(settings, prepare=prepare_parts, on_ready=tell)
    else:
        served = create_app(settings, prepare=prepare_parts)
        await serve_app(served, settings, on_ready=tell)
    out.print("Careline has stopped.")


async def _work(settings: Settings) -> None:
    set_up_logs(settings.log_dir, settings.log_level, settings.worker)

    ending = asyncio.create_task(end_with_parent())
    await serve_app(
        create_app(settings),
        settings,
        on_ready=lambda _: print(READY, flush=True),  # noqa: T201  # the parent reads it
    )
    ending.cancel()


def _tell_urls(host: str, port: int, logins: list[Login]) -> None:
    reached = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    base = f"http://{reached}:{port}"
    out.print("Careline is ready. Ctrl-C stops it.")
    out.print(f"  Demo shop   {base}/")
    out.print(f"  Dashboard   {base}/dashboard")
    for login in logins:
        out.print(f"              {login.email}  {login.password}")
    out.print(f"  API         {base}/docs")


async def _prepare_first_run(parts: Parts) -> Login | None:
    return await open_for_business(parts.database)


async def _prepare_demo(parts: Parts) -> Login | None:
    access = await seed_demo(parts.database, parts.clock)
    return Login(access.email, access.password)


async def _migrate(settings: Settings) -> None:
    folder = DataFolder(settings.data).prepare()
    folder.take()
    database = Database(settings.database, Dispatcher())
    try:
        await schema.upgrade(database)
    finally:
        await database.close()
        folder.release()
    out.print(f"The database is at version {schema.head()}.")
