"""What an installation needs, checked without starting it."""

import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from app import schema
from app.data_folder import DataFolder
from app.database import Database
from app.engines import SHIPPED_MODEL, supervise
from app.errors import AppError, DatabaseBehind, DataFolderInUse, PortInUse
from app.events import Dispatcher
from app.serving import bind
from app.settings import Settings
from inference import EngineError


@dataclass(frozen=True)
class Finding:
    """One check; without a `problem` it holds."""

    what: str
    told: str
    problem: str | None = None


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Look at everything the start will need, in that order; without a folder at nothing more."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", version, None if sys.version_info >= (3, 11) else "bad_python")
    folder = _folder(settings)
    yield folder
    if folder.problem is not None:
        return
    yield await _database(settings)
    yield _port(settings)
    yield _engine(settings)


async def tell(settings: Settings, console: Console) -> bool:
    """Print what is found; false if something is missing."""
    table = Table("Check", "Finding", "Result")
    is_well = True
    async for finding in examine(settings):
        is_well = is_well and finding.problem is None
        verdict = f"[red]{finding.problem}[/red]" if finding.problem else "[green]ok[/green]"
        table.add_row(finding.what, finding.told, verdict)
    console.print(table)
    return is_well


def _folder(settings: Settings) -> Finding:
    folder = DataFolder(settings.data)
    try:
        folder.prepare().take()
    except DataFolderInUse as error:
        return Finding("Data folder", error.sentence)
    except AppError as error:
        return Finding("Data folder", error.sentence, error.code)
    folder.release()
    return Finding("Data folder", str(settings.data.resolve()))


async def _database(settings: Settings) -> Finding:
    database = Database(settings.database, Dispatcher())
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    try:
        await schema.check(database)
    except DatabaseBehind:
        return Finding("Database", f"{kind}, to be migrated at the next start")
    except AppError as error:
        return Finding("Database", error.sentence, error.code)
    finally:
        await database.close()
    return Finding("Database", f"{kind}, version {schema.head()}")


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        with closing(bind(settings)):
            return Finding("Port", f"{where} is free")
    except PortInUse as error:
        return Finding("Port", error.sentence)
    except AppError as error:
        return Finding("Port", error.sentence, error.code)


def _engine(settings: Settings) -> Finding:
    named = settings.engine or settings.model
    if named is None and not (SHIPPED_MODEL / "config.json").exists():
        return Finding("Engine", f"No model in {SHIPPED_MODEL}.", "model_load_failed")
    try:
        supervise(settings)
    except (AppError, EngineError) as error:
        return Finding("Engine", str(error), error.code)
    return Finding("Engine", named or "the shipped model")
