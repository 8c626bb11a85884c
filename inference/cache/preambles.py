"""Pinned preambles outlive the process: written down when they are new, read at the next start.

Only what is everybody's is ever written: no block whose key has a salt in it, so no word of a
workspace or a customer. A file that cannot be believed costs one log line and a cold start.
"""

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import torch

from inference.cache.kv_cache import KVCache
from inference.cache.pins import Pin
from inference.cache.preamble_file import Blocks, Header, PreambleFile, SavedPin, UnusableFile
from inference.cache.stamp import stamp_for
from inference.cache.storage import read_blocks, write_blocks
from inference.config import EngineConfig

logger = logging.getLogger(__name__)

FILE_NAME: Final = "preambles.kv"
SAVE_INTERVAL_S: Final = 60.0


def keep_preambles(
    config: EngineConfig,
    checkpoint: Path,
    dtype: torch.dtype,
    cache: KVCache,
    content: torch.Tensor,  # [L, 2, N, S, G, D], what the cache's blocks hold
) -> "Preambles":
    """The keeper of an engine's preambles, with those of the last run entered again."""
    file = None
    is_whole = config.tensor_parallel == 1  # else most of every block is in other processes
    if config.cache_dir is not None and config.max_pinned_blocks and is_whole:
        stamp = stamp_for(config, checkpoint, dtype, content)
        file = PreambleFile(Path(config.cache_dir) / FILE_NAME, stamp)
    kept = Preambles(file, cache, content)
    kept.restore()
    return kept


class Preambles:
    """The pins of one cache and their file; None where they are not kept.

    All calls come from whoever steps the engine; only the writing is done in a thread of its own.
    """

    def __init__(
        self,
        file: PreambleFile | None,
        cache: KVCache,
        content: torch.Tensor,  # [L, 2, N, S, G, D], what the cache's blocks hold
    ) -> None:
        self._file = file
        self._cache = cache
        self._content = content
        self._num_seen = 0
        self.saved_keys: frozenset[bytes] = frozenset()
        """The pins that the file holds."""
        self._next_save = time.monotonic()
        self.writer: threading.Thread | None = None

    def restore(self) -> None:
        """Enter what the file holds into the cache, pinned."""
        if self._file is None:
            return
        try:
            header, blocks = self._file.read()
            self._check(header, blocks)
        except FileNotFoundError:
            return
        except UnusableFile as error:
            logger.warning(
                "saved preambles are not used",
                extra={"path": str(self._file.path), "reason": str(error)},
            )
            return
        for saved in header.pins:
            self._enter(saved, blocks)
        for pin in self._cache.pins:
            pin.was_used = False
        self.saved_keys = frozenset(pin.key for pin in self._cache.pins)
        self._num_seen = self._cache.pins.num_added
        logger.info("preambles are restored", extra={"num_blocks": self._cache.pins.num_blocks})

    def save_if_due(self) -> None:
        """Write the pins down if there are new ones, soon and not too often."""
        pins = self._cache.pins
        if self._file is None or pins.num_added == self._num_seen:
            return
        if time.monotonic() < self._next_save or (self.writer and self.writer.is_alive()):
            return
        self._num_seen = pins.num_added
        unsalted = [pin for pin in pins if pin.is_unsalted]
        if not self.saved_keys.issuperset(pin.key for pin in unsalted):
            self._next_save = time.monotonic() + SAVE_INTERVAL_S
            self._save(unsalted)

    def close(self) -> None:
        """Write the last state down: what this run has used, if it is not what the file holds."""
        if self.writer is not None:
            self.writer.join()
        if self._file is None:
            return
        used = [pin for pin in self._cache.pins if pin.is_unsalted and pin.was_used]
        if used and self.saved_keys != {pin.key for pin in used}:
            self._save(used)
            assert self.writer is not None
            self.writer.join()

    def _check(self, header: Header, blocks: Blocks) -> None:
        """The tokens must lead to the keys that the blocks were saved under."""
        block_bytes = self._content[:, :, 0].nbytes
        if blocks.shape[1] != block_bytes:
            raise UnusableFile(f"its blocks have {blocks.shape[1]} bytes, not {block_bytes}")
        for saved in header.pins:
            prefix = self._cache.prefix(b"")
            chain = prefix.blocks(saved.token_ids, len(saved.blocks))
            if [block.key.hex() for block in chain] != [header.keys[i] for i in saved.blocks]:
                raise UnusableFile("its keys are not those of its tokens")

    def _enter(self, saved: SavedPin, blocks: Blocks) -> None:
        """Do what a request does that has computed these tokens, and has them pinned."""
        cache, ids = self._cache, saved.token_ids
        admitted = cache.admit(cache.prefix(b"", num_pinned=len(ids)), ids, len(ids))
        if admitted is None:
            return  # the pool has become smaller
        table, num_cached = admitted
        first = num_cached // cache.block_size
        content = torch.from_numpy(blocks[list(saved.blocks[first:])])
        write_blocks(self._content, table.block_ids[first:], content)
        cache.publish(table, ids, len(ids))
        cache.release(table)

    def _save(self, pins: Iterable[Pin]) -> None:
        """Copy the blocks now, while they are held, and write them in the background."""
        assert self._file is not None
        pins = list(pins)
        keys = {
            block_id: block.key.hex()
            for pin in pins
            for block_id, block in zip(pin.block_ids, pin.blocks, strict=True)
        }
        places = {block_id: place for place, block_id in enumerate(keys)}
        saved = [
            SavedPin(tuple(pin.token_ids), tuple(places[one] for one in pin.block_ids))
            for pin in pins
        ]
        blocks = np.ascontiguousarray(read_blocks(self._content, list(keys)).numpy())
        self.saved_keys = frozenset(pin.key for pin in pins)
        self.writer = threading.Thread(
            target=_write,
            args=(self._file, list(keys.values()), saved, blocks),
            name="preambles",
            daemon=True,
        )
        self.writer.start()


def _write(file: PreambleFile, keys: list[str], pins: list[SavedPin], blocks: Blocks) -> None:
    try:
        file.write(keys, pins, blocks)
    except OSError as error:
        logger.warning(
            "preambles cannot be saved",
            extra={"path": str(file.path), "reason": error.strerror},
        )
