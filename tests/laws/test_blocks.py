"""Promises 3 and 4 as a state machine: every block is held, pinned or free; a shared block holds an
equal prefix; only public blocks are shared across salts.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from inference.cache.block_table import BlockTable
from inference.cache.keys import Prefix
from inference.cache.kv_cache import KVCache

BLOCK, NUM_BLOCKS, MAX_PINNED = 4, 12, 4
SALTS = st.sampled_from([b"", b"one", b"other"])
TOKENS = st.lists(st.integers(0, 1), min_size=1, max_size=20)

Content = tuple[bytes, tuple[int, ...]]
"""Whose a slot is (everybody's in a public block) and the tokens up to and with its own."""


class Holder:
    """A request as the cache sees it."""

    def __init__(
        self, token_ids: list[int], salt: bytes, num_public: int, prefix: Prefix, table: BlockTable
    ) -> None:
        self.token_ids, self.salt, self.num_public = token_ids, salt, num_public
        self.prefix, self.table, self.num_computed = prefix, table, 0

    def content(self, token_ids: list[int], i: int) -> Content:
        """What slot i ought to hold."""
        num_public = self.num_public // BLOCK
        is_everybodys = not self.salt or i // BLOCK < num_public
        owner = b"" if is_everybodys else self.salt + bytes([num_public])
        return owner, tuple(token_ids[: i + 1])


class Blocks(RuleBasedStateMachine):
    """Admits, computes, drafts, rejects, releases, pins and starts anew at random.

    `memory` is what each slot holds.
    """

    holders = Bundle("holders")

    @initialize()
    def start(self) -> None:
        self.cache = KVCache(NUM_BLOCKS, BLOCK, "fingerprint", MAX_PINNED)
        self.memory: dict[int, Content] = {}
        self.alive: list[Holder] = []

    @rule(
        target=holders,
        token_ids=TOKENS,
        salt=SALTS,
        num_public=st.integers(0, 20),
        is_pinned=st.booleans(),
    )
    def admit(
        self, token_ids: list[int], salt: bytes, num_public: int, is_pinned: bool
    ) -> Holder | None:
        num_public = min(num_public, len(token_ids))
        pinned = len(token_ids) if is_pinned else num_public
        prefix = self.cache.prefix(salt, num_public, pinned)
        free, cached = self.cache.pool.num_free, self.cache.num_cached_blocks
        admitted = self.cache.admit(prefix, token_ids, len(token_ids) + 1)
        if admitted is None:
            assert (free, cached) == (self.cache.pool.num_free, self.cache.num_cached_blocks)
            return None
        table, num_cached = admitted
        assert num_cached < len(token_ids) < table.capacity
        holder = Holder(list(token_ids), salt, num_public, prefix, table)
        holder.num_computed = num_cached
        self.alive.append(holder)
        return holder

    @rule(holder=holders, count=st.integers(1, 9))
    def compute(self, holder: Holder | None, count: int) -> None:
        if holder is None or holder not in self.alive:
            return
        if self.cache.reserve(holder.table, len(holder.token_ids)):
            stop = min(len(holder.token_ids), holder.num_computed + count)
            self._write(holder, holder.token_ids, holder.num_computed, stop)
            holder.num_computed = stop
            self.cache.publish(holder.table, holder.token_ids, stop)

    @rule(
        holder=holders,
        draft=st.lists(st.integers(0, 1), min_size=1, max_size=6),
        kept=st.integers(0, 6),
    )
    def decode(self, holder: Holder | None, draft: list[int], kept: int) -> None:
        if holder is None or holder not in self.alive:
            return
        if holder.num_computed < len(holder.token_ids) - 1:
            return
        start = len(holder.token_ids)
        if not self.cache.reserve(holder.table, start + len(draft)):
            return
        self._write(holder, [*holder.token_ids, *draft], holder.num_computed, start + len(draft))
        kept = min(kept, len(draft))
        holder.token_ids += [*draft[:kept], 1]
        holder.num_computed = start + kept
        self.cache.publish(holder.table, holder.token_ids, holder.num_computed)
        self.cache.trim(holder.table, len(holder.token_ids))

    @rule(holder=holders)
    def preempt(self, holder: Holder | None) -> None:
        """Give everything back and ask for it again, with the keys that are known by now."""
        if holder is None or holder not in self.alive:
            return
        self.cache.release(holder.table)
        self.alive.remove(holder)
        needed = len(holder.token_ids) + 1
        admitted = self.cache.admit(holder.prefix, holder.token_ids, needed)
        if admitted is not None:
            holder.table, holder.num_computed = admitted
            self.alive.append(holder)

    @rule(holder=consumes(holders))
    def release(self, holder: Holder | None) -> None:
        if holder in self.alive and holder is not None:
            self.alive.remove(holder)
            self.cache.release(holder.table)

    @rule(token_ids=TOKENS, salt=SALTS, num_public=st.integers(0, 20))
    def unpin(self, token_ids: list[int], salt: bytes, num_public: int) -> None:
        prefix = self.cache.prefix(salt, min(num_public, len(token_ids)))
        before = len(list(self.cache.pins))
        was_pinned = self.cache.unpin(prefix, token_ids)
        assert len(list(self.cache.pins)) == before - was_pinned

    @rule()
    def drop_a_pin(self) -> None:
        before = len(list(self.cache.pins))
        assert self.cache.pins.drop_oldest() == (before > 0)

    @invariant()
    def every_block_is_held_or_pinned_or_free(self) -> None:
        if not hasattr(self, "cache"):
            return
        held = [block for holder in self.alive for block in holder.table.block_ids]
        pinned = [block for _, pin in self.cache.pins for block in pin.block_ids]
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
                assert self.memory[slot] == holder.content(holder.token_ids, i)

    @invariant()
    def a_pin_holds_one_chain_of_one_owner(self) -> None:
        for _, pin in self.cache.pins if hasattr(self, "cache") else ():
            slots = [block * BLOCK + i for block in pin.block_ids for i in range(BLOCK)]
            owners = {self.memory[slot][0] for slot in slots}
            assert not pin.is_unsalted or owners == {b""}
            tokens = self.memory[slots[-1]][1]
            assert [self.memory[slot][1] for slot in slots] == [
                tokens[: i + 1] for i in range(len(slots))
            ]

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
            self.memory[slot] = holder.content(token_ids, i)


Blocks.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestBlocks = Blocks.TestCase
