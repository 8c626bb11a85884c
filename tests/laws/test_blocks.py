"""Promise 3 as a state machine: free + held = all, a shared block holds an equal prefix."""

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
from inference.cache.kv_cache import KVCache

BLOCK, NUM_BLOCKS = 4, 12


class Holder:
    """A request as the cache sees it, with what its slots ought to hold."""

    def __init__(self, token_ids: list[int], salt: bytes, table: BlockTable, cached: int) -> None:
        self.token_ids, self.salt, self.table, self.num_computed = token_ids, salt, table, cached


class Blocks(RuleBasedStateMachine):
    """Opens, computes, drafts, rejects and releases at random; `memory` is what each slot holds."""

    holders = Bundle("holders")

    @initialize()
    def start(self) -> None:
        self.cache = KVCache(NUM_BLOCKS, BLOCK, "fingerprint")
        self.memory: dict[int, tuple[bytes, tuple[int, ...]]] = {}
        self.alive: list[Holder] = []

    @rule(
        target=holders,
        token_ids=st.lists(st.integers(0, 1), min_size=1, max_size=20),
        salt=st.sampled_from([b"", b"other"]),
    )
    def open(self, token_ids: list[int], salt: bytes) -> Holder | None:
        table, cached = self.cache.open(token_ids, salt)
        assert cached < len(token_ids)
        for i in range(cached):
            slot = table.slots(i, i + 1)[0]
            assert self.memory[slot] == (salt, tuple(token_ids[: i + 1]))
        if not self.cache.reserve(table, len(token_ids) + 1):
            self.cache.release(table)
            return None
        holder = Holder(list(token_ids), salt, table, cached)
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

    @rule(holder=consumes(holders))
    def release(self, holder: Holder | None) -> None:
        if holder in self.alive and holder is not None:
            self.alive.remove(holder)
            self.cache.release(holder.table)

    @invariant()
    def every_block_is_held_or_free(self) -> None:
        if not hasattr(self, "cache"):
            return
        held = [block for holder in self.alive for block in holder.table.block_ids]
        assert len(set(held)) + self.cache.pool.num_free == NUM_BLOCKS
        for block in range(NUM_BLOCKS):
            assert self.cache.pool.references(block) == held.count(block)

    @invariant()
    def everyone_still_reads_what_it_computed(self) -> None:
        for holder in getattr(self, "alive", []):
            for i in range(holder.num_computed):
                slot = holder.table.slots(i, i + 1)[0]
                assert self.memory[slot] == (holder.salt, tuple(holder.token_ids[: i + 1]))

    def _write(self, holder: Holder, token_ids: list[int], start: int, stop: int) -> None:
        for i in range(start, stop):
            slot = holder.table.slots(i, i + 1)[0]
            self.memory[slot] = (holder.salt, tuple(token_ids[: i + 1]))


Blocks.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestBlocks = Blocks.TestCase
