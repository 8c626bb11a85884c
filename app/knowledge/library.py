"""The search index of each workspace, rebuilt when its articles have changed.

Building takes a moment (0.2 s for 50 articles), so it happens in a thread. Sentences are encoded
once and kept in the database; a few new ones are waited for, many are read in the background while
the words alone are searched.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.database import Database
from app.errors import Unavailable
from app.knowledge.meaning import Meaning, Vector, Vectors, open_meaning, told_in
from app.knowledge.passages import SourceArticle
from app.knowledge.repository import Articles
from app.knowledge.search import SearchIndex
from app.knowledge.vectors import SentenceVectors

log = logging.getLogger(__name__)

WAITED_FOR = 64
"""New sentences that a question waits for, a second or less; of more it does not know the meaning
yet."""
_AT_ONCE = 32


@dataclass(frozen=True)
class Shelf:
    """An index and the state of the articles it was built from."""

    kb_version: int
    index: SearchIndex


class Library:
    """Indexes in memory, one a workspace; every process keeps its own."""

    def __init__(self, database: Database, encoder: Path | None = None) -> None:
        """`encoder` is the folder of another one than the shipped."""
        self._database = database
        self._encoder = encoder
        self._meaning: Meaning | None = None
        self._shelves: dict[UUID, Shelf] = {}
        self._locks: dict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._opening = asyncio.Lock()
        self._unread: asyncio.Queue[UUID] = asyncio.Queue()  # bounded: each workspace is in it once
        self._is_queued: set[UUID] = set()
        self._is_reading = False

    async def meaning(self) -> Meaning:
        """What all indexes share; loaded when it is first asked for.

        Raises:
            BadSettings: the encoder's folder cannot be used.
        """
        async with self._opening:
            if self._meaning is None:
                self._meaning = await asyncio.to_thread(open_meaning, self._encoder)
            return self._meaning

    async def shelf(self, workspace_id: UUID) -> Shelf:
        """The index of what is published now; whoever comes while it is built waits for it."""
        meaning = await self.meaning()
        async with self._locks[workspace_id]:
            async with self._database.snapshot() as session:
                articles = Articles(session)
                version = await articles.kb_version(workspace_id)
                known = self._shelves.get(workspace_id)
                if known is not None and known.kb_version == version:
                    return known
                texts = await articles.published(workspace_id)
                kept = await SentenceVectors(session, workspace_id, meaning.fingerprint).find()
            wanted = await asyncio.to_thread(told_in, texts)
            vectors = await self._completed(workspace_id, wanted, kept)
            index = await asyncio.to_thread(SearchIndex, texts, meaning, vectors)
            shelf = Shelf(version, index)
            self._shelves[workspace_id] = shelf
            return shelf

    async def index_of(self, workspace_id: UUID, articles: Sequence[SourceArticle]) -> SearchIndex:
        """An index over other texts than the published ones; what they add is not kept."""
        meaning = await self.meaning()
        async with self._database.snapshot() as session:
            kept = await SentenceVectors(session, workspace_id, meaning.fingerprint).find()
        wanted = await asyncio.to_thread(told_in, articles)
        lacking = [text for digest, text in wanted.items() if digest not in kept][:WAITED_FOR]
        vectors = {**kept, **await asyncio.to_thread(meaning.read, lacking)}
        return await asyncio.to_thread(SearchIndex, articles, meaning, vectors)

    async def run(self) -> None:
        """Read in the background what is too much to wait for, as long as the task lives."""
        self._is_reading = True
        try:
            while True:
                workspace_id = await self._unread.get()
                self._is_queued.discard(workspace_id)
                await self._read_safely(workspace_id)
                self._unread.task_done()
        finally:
            self._is_reading = False

    async def all_read(self) -> None:
        """Wait until the background has read all that it was left."""
        await self._unread.join()

    async def _completed(
        self, workspace_id: UUID, wanted: Mapping[bytes, str], kept: Vectors
    ) -> Vectors:
        """With what is lacking, unless that is left to the background."""
        lacking = {digest: text for digest, text in wanted.items() if digest not in kept}
        if len(lacking) > WAITED_FOR and self._is_reading:
            if workspace_id not in self._is_queued:
                self._is_queued.add(workspace_id)
                self._unread.put_nowait(workspace_id)
            return kept
        if not lacking:
            return kept
        return {**kept, **await self._read(workspace_id, lacking, wanted)}

    async def _read_safely(self, workspace_id: UUID) -> None:
        """The edge of the task: whatever fails, words alone are searched until the next change."""
        try:
            meaning = await self.meaning()
            async with self._database.snapshot() as session:
                texts = await Articles(session).published(workspace_id)
                kept = await SentenceVectors(session, workspace_id, meaning.fingerprint).find()
            wanted = await asyncio.to_thread(told_in, texts)
            lacking = {digest: text for digest, text in wanted.items() if digest not in kept}
            await self._read(workspace_id, lacking, wanted)
            async with self._locks[workspace_id]:
                self._shelves.pop(workspace_id, None)
            log.info("articles read", extra={"num_sentences": len(lacking)})
        except Unavailable:
            log.warning("articles not read, the database does not answer")
        except Exception:
            log.exception("articles not read")

    async def _read(
        self, workspace_id: UUID, lacking: Mapping[bytes, str], wanted: Mapping[bytes, str]
    ) -> Vectors:
        """Encode and keep them, some at a time; forget what no article says any more."""
        meaning = await self.meaning()
        texts = list(lacking.values())
        read: dict[bytes, Vector] = {}
        for start in range(0, len(texts), _AT_ONCE):
            some = await asyncio.to_thread(meaning.read, texts[start : start + _AT_ONCE])
            read |= some
            try:
                async with self._database.work() as work:
                    vectors = SentenceVectors(work.session, workspace_id, meaning.fingerprint)
                    await vectors.keep(some)
                    if start + _AT_ONCE >= len(texts):
                        await vectors.forget_others(wanted.keys())
            except Unavailable:
                log.warning("vectors not kept, the next start computes them again")
        return read
