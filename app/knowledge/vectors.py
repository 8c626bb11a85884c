"""Vectors of sentences in the database, for all processes and for the next start."""

from collections.abc import Collection
from uuid import UUID

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now
from app.ids import new_id
from app.knowledge.meaning import Vectors
from app.models import SentenceVector

_AT_ONCE = 500


class SentenceVectors:
    """What one encoder has read for one workspace; companies share no vectors."""

    def __init__(self, session: AsyncSession, workspace_id: UUID, encoder: str) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self._encoder = encoder

    async def find(self) -> Vectors:
        """All that are kept."""
        query = select(SentenceVector.digest, SentenceVector.vector).where(
            SentenceVector.workspace_id == self._workspace_id,
            SentenceVector.encoder == self._encoder,
        )
        rows = await self._session.execute(query)
        return {bytes.fromhex(key): np.frombuffer(kept, dtype="<f2") for key, kept in rows}

    async def keep(self, vectors: Vectors) -> None:
        """Store these; what another process has stored meanwhile is the same."""
        rows = [
            {
                "id": new_id(),
                "created_at": now(),
                "workspace_id": self._workspace_id,
                "encoder": self._encoder,
                "digest": digest.hex(),
                "vector": vector.astype("<f2").tobytes(),
            }
            for digest, vector in vectors.items()
        ]
        is_sqlite = self._session.get_bind().dialect.name == "sqlite"
        insert = sqlite.insert if is_sqlite else postgresql.insert
        if rows:
            await self._session.execute(insert(SentenceVector).on_conflict_do_nothing(), rows)

    async def forget_others(self, needed: Collection[bytes]) -> None:
        """Delete the vectors of texts that no article has any more, and of other encoders."""
        mine = SentenceVector.workspace_id == self._workspace_id
        query = select(SentenceVector.id, SentenceVector.encoder, SentenceVector.digest).where(mine)
        old = [
            row_id
            for row_id, encoder, digest in await self._session.execute(query)
            if encoder != self._encoder or bytes.fromhex(digest) not in needed
        ]
        for start in range(0, len(old), _AT_ONCE):
            chosen = SentenceVector.id.in_(old[start : start + _AT_ONCE])
            await self._session.execute(delete(SentenceVector).where(mine, chosen))
