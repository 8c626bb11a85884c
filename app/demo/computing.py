"""Computes anew what the demo's articles and customers mean: `python -m app.demo.computing`.

What customers say is known by playing the demo: follow-ups are read together with what was asked
before, so their texts are not the script's.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from app import schema
from app.clock import now
from app.database import Database
from app.demo.articles import read_sources
from app.demo.seed import seed
from app.demo.vectors import FILE, Asked, read_vectors, write_vectors
from app.events import Dispatcher
from app.knowledge.meaning import Meaning, Vectors, digest_of, open_meaning, told_in
from inference import Encoder, Reader


class Listening(Meaning):
    """Keeps what it was asked for the meaning of."""

    def __init__(self, encoder: Encoder, known: Asked) -> None:
        super().__init__(encoder, Reader(encoder), known)
        self.heard: dict[bytes, npt.NDArray[np.float32]] = {}

    def of(self, text: str) -> npt.NDArray[np.float32]:
        """As always, and kept."""
        vector = super().of(text)
        self.heard[digest_of(text)] = vector
        return vector


async def play(known: Asked) -> Asked:
    """What the demo's customers say, in meaning; what is not known is computed."""
    listening = Listening(Encoder(), known)
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'demo.db'}", Dispatcher())
        try:
            await schema.upgrade(database)
            await seed(database, now, listening)
        finally:
            await database.close()
    return listening.heard


def read_told(meaning: Meaning, path: Path = FILE) -> Vectors:
    """What the articles say, in meaning; only what the file has not is computed."""
    known: Vectors = {}
    if path.exists():
        encoder, vectors = read_vectors(path)
        known = vectors if encoder == meaning.fingerprint else {}
    told = told_in(read_sources())
    missing = [text for digest, text in told.items() if digest not in known]
    kept = {digest: known[digest] for digest in told.keys() & known.keys()}
    return kept | (meaning.read(missing) if missing else {})


def main() -> None:
    """Write the file; some seconds."""
    meaning = open_meaning()
    write_vectors(meaning.fingerprint, read_told(meaning), asyncio.run(play({})))


if __name__ == "__main__":
    main()
