"""Bringing articles in: everything of an import becomes drafts in one transaction, or nothing does.

Addresses are fetched one after the other by a task the application owns, outside any transaction;
how far it is stands in the database, so every process can tell.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import Doer, note
from app.clock import Clock
from app.database import Database, Work
from app.errors import Invalid, NotFound, Unavailable
from app.events import Dispatcher, Event
from app.ids import new_id
from app.knowledge.drafts import Drafts
from app.knowledge.editing import create_article, save_draft
from app.knowledge.importing import Failure, Incoming, read_markdown, read_page
from app.knowledge.repository import Articles
from app.models import ArticleImport
from app.outbound import Fetched, FetchRefused
from app.outbound import fetch as fetch_publicly
from app.vocabulary import ImportState

log = logging.getLogger(__name__)

MAX_URLS = 100
_MAX_NAME_CHARS = 300
_SHOWN = 20
_ABANDONED_AFTER = timedelta(minutes=45)
"""More than the longest list can take; whatever runs longer has lost its process."""
_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_TEXT_TYPES = {"text/markdown", "text/x-markdown", "text/plain"}


class Fetch(Protocol):
    """How a page is fetched."""

    async def __call__(self, url: str) -> Fetched:
        """Raises: FetchRefused."""
        ...


@dataclass(frozen=True)
class UrlImport(Event):
    """A list of addresses somebody wants as articles, stored; they are fetched now."""

    import_id: UUID
    doer: Doer
    urls: tuple[str, ...]


async def bring_in(
    work: Work,
    doer: Doer,
    name: str,
    incoming: Sequence[Incoming],
    failures: Sequence[Failure],
) -> ArticleImport:
    """Import what was read from files: drafts of all of it, or none and the reasons."""
    row = _row(work, doer, name, num_total=len(incoming) + len(failures))
    work.session.add(row)
    await _finish(work, doer, row, incoming, failures)
    return row


async def begin_urls(work: Work, doer: Doer, urls: Sequence[str]) -> UrlImport:
    """Note that these are to be fetched; the `UrlImporter` does it after the commit.

    Raises:
        Invalid: none, or too many.
    """
    unique = tuple(dict.fromkeys(urls))
    if not 0 < len(unique) <= MAX_URLS:
        raise Invalid(f"From 1 to {MAX_URLS} addresses, please; this has {len(unique)}.")
    more = f" and {len(unique) - 1} more" if len(unique) > 1 else ""
    row = _row(work, doer, f"{unique[0]}{more}", num_total=len(unique))
    work.session.add(row)
    await work.session.flush()
    wanted = UrlImport(row.id, doer, unique)
    work.outbox.add(wanted)
    return wanted


async def read_imports(session: AsyncSession, workspace_id: UUID) -> Sequence[ArticleImport]:
    """The newest imports."""
    own = select(ArticleImport).where(ArticleImport.workspace_id == workspace_id)
    newest = own.order_by(ArticleImport.created_at.desc(), ArticleImport.id.desc())
    return (await session.scalars(newest.limit(_SHOWN))).all()


async def read_import(session: AsyncSession, workspace_id: UUID, import_id: UUID) -> ArticleImport:
    """One import.

    Raises:
        NotFound: unknown, or another company's.
    """
    found = await session.get(ArticleImport, import_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound
    return found


class UrlImporter:
    """Fetches lists of addresses as long as `run()` runs."""

    def __init__(self, database: Database, clock: Clock, fetch: Fetch = fetch_publicly) -> None:
        self._database = database
        self._clock = clock
        self._fetch = fetch
        self._waiting: asyncio.Queue[UrlImport] = asyncio.Queue()

    def listen(self, dispatcher: Dispatcher) -> None:
        """Fetch what is wanted from now on."""
        dispatcher.on(UrlImport, self._waiting.put_nowait)

    async def run(self) -> None:
        """One import after the other, until cancelled."""
        try:
            await self._give_up_abandoned()
        except Unavailable as error:  # the next start finds them again
            log.warning("abandoned imports stay", extra={"reason": str(error)})
        while True:
            await self.run_one(await self._waiting.get())

    async def run_one(self, wanted: UrlImport) -> None:
        """Fetch and store; the edge of the task."""
        try:
            await self._import(wanted)
        except Unavailable as error:
            log.warning("import failed", extra={"reason": str(error)})
        except Exception:
            log.exception("import failed", extra={"import": str(wanted.import_id)})
            await self._fail(wanted.import_id, "Something went wrong here; please try again.")

    async def _import(self, wanted: UrlImport) -> None:
        incoming: list[Incoming] = []
        failures: list[Failure] = []
        for num_done, url in enumerate(wanted.urls, start=1):
            read = await self._read(url)
            if isinstance(read, Failure):
                failures.append(read)
            else:
                incoming.append(read)
            async with self._database.work() as work:
                one = update(ArticleImport).where(ArticleImport.id == wanted.import_id)
                await work.session.execute(one.values(num_done=num_done))
        async with self._database.work() as work:
            row = await work.session.get_one(ArticleImport, wanted.import_id)
            await _finish(work, wanted.doer, row, incoming, failures)

    async def _read(self, url: str) -> Incoming | Failure:
        try:
            fetched = await self._fetch(url)
        except FetchRefused as refused:
            return Failure(url, refused.sentence)
        kind = fetched.media_type
        if kind not in _HTML_TYPES | _TEXT_TYPES:
            return Failure(url, f"It is {kind or 'of no stated type'}, neither HTML nor text.")
        try:
            text = fetched.body.decode(fetched.charset or "utf-8-sig")
        except (UnicodeDecodeError, LookupError):
            return Failure(url, f"It is not {fetched.charset or 'UTF-8'} text.")
        if kind in _HTML_TYPES:
            return await asyncio.to_thread(read_page, url, text)
        return read_markdown(url, text, source_url=url)

    async def _fail(self, import_id: UUID, reason: str) -> None:
        async with self._database.work() as work:
            row = await work.session.get_one(ArticleImport, import_id)
            _end(work, row, [Failure(row.name, reason)])

    async def _give_up_abandoned(self) -> None:
        async with self._database.work() as work:
            old = select(ArticleImport).where(
                ArticleImport.state == ImportState.RUNNING,
                ArticleImport.created_at < self._clock() - _ABANDONED_AFTER,
            )
            for row in await work.session.scalars(old):
                reason = "Careline stopped while this was running; nothing was imported."
                _end(work, row, [Failure(row.name, reason)])


def _row(work: Work, doer: Doer, name: str, *, num_total: int) -> ArticleImport:
    return ArticleImport(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=doer.agent.workspace_id,
        agent_id=doer.agent.agent_id,
        name=name[:_MAX_NAME_CHARS],
        state=ImportState.RUNNING,
        num_total=num_total,
        num_done=0,
        failures=[],
    )


async def _finish(
    work: Work,
    doer: Doer,
    row: ArticleImport,
    incoming: Sequence[Incoming],
    failures: Sequence[Failure],
) -> None:
    if not failures:
        for one in incoming:
            await _store(work, doer, one)
        note(work, doer, "article.imported", row.name, {"articles": (0, len(incoming))})
    row.num_done = row.num_total
    _end(work, row, failures)


async def _store(work: Work, doer: Doer, one: Incoming) -> None:
    """A draft of the article that has this slug, or of a new one."""
    workspace_id = doer.agent.workspace_id
    known = None
    if one.slug is not None:
        known = await Articles(work.session).find(workspace_id, one.slug, "en")
    if known is None:
        await create_article(work, doer, one.edit, slug=one.slug, source_url=one.source_url)
        return
    draft = await Drafts(work.session).draft(known.id)
    revision = draft.revision if draft else 0
    await save_draft(work, doer, known.id, one.edit, revision=revision)


def _end(work: Work, row: ArticleImport, failures: Sequence[Failure]) -> None:
    row.state = ImportState.FAILED if failures else ImportState.DONE
    row.failures = [{"name": one.name, "reason": one.reason} for one in failures]
    row.finished_at = work.clock()
