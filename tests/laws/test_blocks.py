"""Promises 3 and 4 as a state machine: every block is held, pinned or free; a shared block holds an
equal prefix; only public blocks are shared across salts; only they outlive the process.
"""

import tempfile
from pathlib import Path

import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from inference.cache.block_table import BlockTable
from inference.cache.keys import Prefix
from inference.cache.kv_cache import KVCache
from inference.cache.preamble_file import PreambleFile, Stamp
from inference.cache.preambles import FILE_NAME, Preambles

BLOCK, NUM_BLOCKS, MAX_PINNED = 4, 9, 4
SALTS = st.sampled_from([b"", b"one", b"other"])
BIT = st.integers(0, 1)
WHICH = st.integers(0, 10)
TOKENS = st.builds(
    lambda blocks, tail: [token for block in blocks for token in (block, 1, 0, 1)] + [1] * tail,
    st.lists(BIT, max_size=4),
    st.integers(1, 4),
)
"""Few enough that most prompts begin as another has begun."""
SHAPE = (1, 2, NUM_BLOCKS, BLOCK, 1, 1)
STAMP = Stamp("weights", {}, "float64", "int64", "layout", BLOCK, SHAPE[3:])

Content = tuple[bytes, tuple[int, ...]]
"""Whose a slot is (everybody's in a public block) and the tokens up to and with its own."""


class Holder:
    """A request as the cache sees it."""

    def __init__(
        self, token_ids: list[int], salt: bytes, num_public: int, prefix: Prefix, table: BlockTable
    ) -> None:
        self.token_ids, self.salt, self.num_public = token_ids, salt, num_public
        self.prefix, self.table, self.num_computed = prefix, table, 0

    @property
    def is_decoding(self) -> bool:
        """Whether nothing but its last token is to be computed."""
        return self.num_computed >= len(self.token_ids) - 1

    def content(self, token_ids: list[int], i: int) -> Content:
        """What slot i ought to hold."""
        num_public = self.num_public // BLOCK
        is_everybodys = not self.salt or i // BLOCK < num_public
        owner = b"" if is_everybodys else self.salt + bytes([num_public])
        return owner, tuple(token_ids[: i + 1])


class Blocks(RuleBasedStateMachine):
    """Admits, computes, drafts, rejects, releases, pins and starts anew at random.

    What a slot holds is a number in `content`, the place of its meaning in `meanings`.
    """

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.meanings: dict[Content, int] = {}
        self.saved: set[bytes] = set()
        self._begin()

    def _begin(self) -> None:
        """A new process: nothing in memory but what the file holds."""
        self.cache = KVCache(NUM_BLOCKS, BLOCK, "fingerprint", MAX_PINNED)
        self.content = torch.full(SHAPE, -1)
        self.alive: list[Holder] = []
        file = PreambleFile(Path(self.folder.name) / FILE_NAME, STAMP)
        self.preambles = Preambles(file, self.cache, self.content)
        self.preambles.restore()

    def teardown(self) -> None:
        """Leave no folder behind."""
        if hasattr(self, "folder"):
            self.preambles.close()  # which may still be writing
            self.folder.cleanup()

    @rule(token_ids=TOKENS, salt=SALTS, public=st.integers(0, 12), is_pinned=st.booleans())
    def admit(self, token_ids: list[int], salt: bytes, public: int, is_pinned: bool) -> None:
        num_public = min(public, len(token_ids))
        pinned = len(token_ids) if is_pinned else num_public
        prefix = self.cache.prefix(salt, num_public, pinned)
        free, cached = self.cache.pool.num_free, self.cache.num_cached_blocks
        admitted = self.cache.admit(prefix, token_ids, len(token_ids) + 1)
        if admitted is None:
            assert (free, cached) == (self.cache.pool.num_free, self.cache.num_cached_blocks)
            return
        table, num_cached = admitted
        assert num_cached < len(token_ids) < table.capacity
        holder = Holder(list(token_ids), salt, num_public, prefix, table)
        holder.num_computed = num_cached
        self.alive.append(holder)

    @precondition(lambda self: self.alive)
    @rule(which=WHICH, count=st.integers(1, 20))
    def compute(self, which: int, count: int) -> None:
        """One chunk of a prompt; new pins are written at the end of the step."""
        holder = self.alive[which % len(self.alive)]
        if self.cache.reserve(holder.table, len(holder.token_ids)):
            stop = min(len(holder.token_ids), holder.num_computed + count)
            self._write(holder, holder.token_ids, holder.num_computed, stop)
            holder.num_computed = stop
            self.cache.publish(holder.table, holder.token_ids, stop)
        self.preambles.save_if_due()
        if self.preambles.saved_keys != self.saved:
            self.saved = {pin.key for pin in self.cache.pins if pin.is_unsalted}
            assert self.preambles.saved_keys == self.saved

    @precondition(lambda self: any(one.is_decoding for one in self.alive))
    @rule(which=WHICH, draft=st.lists(BIT, min_size=1, max_size=6), kept=st.integers(0, 6))
    def decode(self, which: int, draft: list[int], kept: int) -> None:
        decoding = [one for one in self.alive if one.is_decoding]
        holder = decoding[which % len(decoding)]
        start = len(holder.token_ids)
        if not self.cache.reserve(holder.table, start + len(draft)):
            return
        self._write(holder, [*holder.token_ids, *draft], holder.num_computed, start + len(draft))
        kept = min(kept, len(draft))
        holder.token_ids += [*draft[:kept], 1]
        holder.num_computed = start + kept
        self.cache.publish(holder.table, holder.token_ids, holder.num_computed)
        self.cache.trim(holder.table, len(holder.token_ids))

    @precondition(lambda self: self.alive)
    @rule(which=WHICH)
    def preempt(self, which: int) -> None:
        """Give everything back and ask for it again, with the keys that are known by now."""
        holder = self.alive.pop(which % len(self.alive))
        self.cache.release(holder.table)
        needed = len(holder.token_ids) + 1
        admitted = self.cache.admit(holder.prefix, holder.token_ids, needed)
        if admitted is not None:
            holder.table, holder.num_computed = admitted
            self.alive.append(holder)

    @precondition(lambda self: self.alive)
    @rule(which=WHICH)
    def release(self, which: int) -> None:
        self.cache.release(self.alive.pop(which % len(self.alive)).table)

    @precondition(lambda self: len(self.cache.pins) > 0)
    @rule(which=WHICH)
    def unpin(self, which: int) -> None:
        pins = list(self.cache.pins)
        pin = pins[which % len(pins)]
        assert self.cache.pins.drop(pin.key) and not self.cache.pins.drop(pin.key)
        assert list(self.cache.pins) == [one for one in pins if one is not pin]

    @precondition(lambda self: len(self.cache.pins) > 0)
    @rule(cut=st.none() | st.integers(0, 400))
    def start_anew(self, cut: int | None) -> None:
        """Stop and start: what this run has used of everybody's preambles is there again.

        With a `cut` the file lacks its last bytes, and nothing is.
        """
        used = {pin.key for pin in self.cache.pins if pin.is_unsalted and pin.was_used}
        self.preambles.close()
        path = Path(self.folder.name) / FILE_NAME
        if cut is not None and path.exists():
            path.write_bytes(path.read_bytes()[: -cut - 1])
        self.saved = (used or self.saved) if cut is None else set()
        self._begin()
        assert {pin.key for pin in self.cache.pins} == self.saved
        assert self.cache.pool.num_free == NUM_BLOCKS - self.cache.pins.num_blocks

    @invariant()
    def every_block_is_held_or_pinned_or_free(self) -> None:
        if not hasattr(self, "cache"):
            return
        held = [block for holder in self.alive for block in holder.table.block_ids]
        pinned = [block for pin in self.cache.pins for block in pin.block_ids]
        assert len({*held, *pinned}) + self.cache.pool.num_free == NUM_BLOCKS
        for block in range(NUM_BLOCKS):
            references = held.count(block) + pinned.count(block)
            assert self.cache.pool.references(block) == references
        assert self.cache.pins.num_blocks == len(set(pinned)) <= MAX_PINNED

    @invariant()
    def everyone_still_reads_what_it_computed(self) -> None:
        for holder in getattr(self, "alive", []):
            for i in range(holder.num_computed):
                slot = holder.table.slots(i, i + 1)[0]
                assert self._meaning(slot) == holder.content(holder.token_ids, i)

    @invariant()
    def a_pin_holds_one_chain_of_one_owner(self) -> None:
        for pin in self.cache.pins if hasattr(self, "cache") else ():
            slots = [block * BLOCK + i for block in pin.block_ids for i in range(BLOCK)]
            meanings = [self._meaning(slot) for slot in slots]
            assert not pin.is_unsalted or {owner for owner, _ in meanings} == {b""}
            ids = tuple(pin.token_ids)
            assert [held for _, held in meanings] == [ids[: i + 1] for i in range(len(ids))]

    @invariant()
    def equal_public_blocks_exist_once(self) -> None:
        seen: dict[Content, int] = {}
        for holder in getattr(self, "alive", []):
            for index in range(holder.table.num_published):
                last = (index + 1) * BLOCK - 1
                content = holder.content(holder.token_ids, last)
                block = holder.table.block_ids[index]
                assert seen.setdefault(content, block) == block

    def _write(self, holder: Holder, token_ids: list[int], start: int, stop: int) -> None:
        for i in range(start, stop):
            slot = holder.table.slots(i, i + 1)[0]
            meaning = self.meanings.setdefault(holder.content(token_ids, i), len(self.meanings))
            self.content[:, :, slot // BLOCK, slot % BLOCK] = meaning

    def _meaning(self, slot: int) -> Content:
        key, value = self.content[0, :, slot // BLOCK, slot % BLOCK, 0, 0]
        assert key == value
        return list(self.meanings)[int(key)]


Blocks.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestBlocks = Blocks.TestCase
