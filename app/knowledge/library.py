"""The search index of each workspace, rebuilt when its articles have changed.

Building takes a moment (0.2 s for 50 articles), so it happens in a thread; a search takes well
under a millisecond and runs where it is asked for.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.database import Database
from app.knowledge.passages import SourceArticle
from app.knowledge.repository import Articles
from app.knowledge.search import SearchIndex
from inference import MeaningTable


@dataclass(frozen=True)
class Shelf:
    """An index and the state of the articles it was built from."""

    kb_version: int
    index: SearchIndex


class Library:
    """Indexes in memory, one a workspace; every process keeps its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shelves: dict[UUID, Shelf] = {}
        self._table: MeaningTable | None = None
        self._locks: dict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def shelf(self, workspace_id: UUID) -> Shelf:
        """The index of what is published now; whoever comes while it is built waits for it."""
        async with self._locks[workspace_id]:
            async with self._database.snapshot() as session:
                articles = Articles(session)
                version = await articles.kb_version(workspace_id)
                known = self._shelves.get(workspace_id)
                if known is not None and known.kb_version == version:
                    return known
                texts = await articles.published(workspace_id)
            shelf = Shelf(version, await asyncio.to_thread(self._build, texts))
            self._shelves[workspace_id] = shelf
            return shelf

    async def table(self) -> MeaningTable:
        """The words' vectors that all indexes share."""
        if self._table is None:
            self._table = await asyncio.to_thread(MeaningTable.load)
        return self._table

    def _build(self, texts: Sequence[SourceArticle]) -> SearchIndex:
        """The table is read once; should two threads read it, both tables are the same."""
        self._table = self._table or MeaningTable.load()
        return SearchIndex(texts, self._table)
