"""Whom to serve next, with how many tokens.

Running requests come first, oldest first, then new ones: by priority, and fairly between
workspaces. Out of blocks means waiting or preemption by recomputation, never an error: the lowest
in rank gives way, so the highest always moves on. Drafts take only what nobody else needs.

Background requests, such as tickets of a batch, give way to all others: they leave when another
wants their blocks or places, and lengthen a step that somebody waits for by little (`leeway.py`).

What is computed ahead of its time (a prompt that is still being typed) never stands in anybody's
way: it gets rows and keeps blocks only while there is nothing else, in steps so short that whoever
comes next hardly waits. What it has computed stays in the cache.
"""

from collections import Counter
from collections.abc import Iterator

from inference.batch import Batch, Part
from inference.cache.kv_cache import KVCache
from inference.config import EngineConfig
from inference.leeway import Leeway, Price
from inference.sequence import Sequence

# Some two milliseconds' worth: a device takes longer for a step.
_BLOCKS_AHEAD = 512
_AHEAD_SHARE = 4


class Scheduler:
    """The waiting and the running, and the blocks they hold."""

    def __init__(self, config: EngineConfig, cache: KVCache, price: Price = float) -> None:
        self._config = config
        self.cache = cache
        self._leeway = Leeway(price)
        self._waiting: list[Sequence] = []
        self._running: list[Sequence] = []
        self.num_preemptions = 0
        self.prefix_query_tokens = 0
        self.prefix_hit_tokens = 0

    @property
    def num_waiting(self) -> int:
        """Requests that hold no blocks yet, or gave them back."""
        return len(self._waiting)

    @property
    def num_running(self) -> int:
        """Requests that hold blocks."""
        return len(self._running)

    def __iter__(self) -> Iterator[Sequence]:
        return iter([*self._running, *self._waiting])

    def add(self, sequence: Sequence) -> None:
        """Queue a request."""
        if sequence.prefix is None:
            pinned = sequence.num_prompt if sequence.params.pin else sequence.num_public
            sequence.prefix = self.cache.prefix(sequence.salt, sequence.num_public, pinned)
        self._waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a request out, wherever it is, and give back its blocks."""
        if sequence in self._running:
            self._running.remove(sequence)
        else:
            self._waiting.remove(sequence)
        self._release(sequence)

    def next_batch(self) -> Batch:
        """Choose this step's rows and reserve their slots."""
        batch = Batch()
        budget = self._config.max_step_tokens
        is_quiet = all(one.is_ahead for one in self)
        if is_quiet:
            budget = max(self._config.max_batch, budget // _AHEAD_SHARE)
        else:
            self._set_aside()
        live_rows = self._fill(batch, budget, is_quiet, is_background=False)
        budget -= live_rows
        room = budget
        if live_rows and any(one.is_background for one in self):
            room = self._leeway.rows(live_rows, budget)
        background_rows = self._fill(batch, room, is_quiet, is_background=True)
        room -= background_rows
        budget -= background_rows
        offered = self._offer_drafts(batch, budget, room)
        batch.spare_rows = budget - sum(part.draft_room for part in batch.parts)
        if live_rows and background_rows:
            self._leeway.spend(live_rows, background_rows + offered)
        batch.num_rounds = self._most_rounds(batch)
        return batch

    def look_ahead(self) -> None:
        """Work out some keys of who waits, so that the step that admits them finds them done."""
        left = _BLOCKS_AHEAD
        for sequence in self._waiting:
            if left <= 0:
                return
            assert sequence.prefix is not None
            num_known = len(sequence.prefix.known_blocks)
            num_full = (len(sequence.token_ids) - 1) // self.cache.block_size
            count = min(num_full, num_known + left)
            if count > num_known:
                sequence.prefix.blocks(sequence.token_ids, count)
                left -= count - num_known

    def reserve_drafts(self, batch: Batch) -> None:
        """Slots for what may be drafted; where they lack, the room shrinks to what there is."""
        for part in batch.parts:
            table, known = part.sequence.table, len(part.sequence.token_ids)
            assert table is not None
            free = table.capacity - known + self.cache.pool.num_free * self.cache.block_size
            part.draft_room = min(part.draft_room, free)
            if part.draft_room:
                self.cache.reserve(table, known + part.draft_room)

    def reserve_rounds(self, batch: Batch) -> None:
        """Slots for what a few rounds add; where they lack, there are fewer rounds."""
        for part in batch.parts if batch.num_rounds > 1 else ():
            table, known = part.sequence.table, len(part.sequence.token_ids)
            assert table is not None
            if not self.cache.reserve(table, known + batch.num_rounds - 1):
                batch.num_rounds = min(batch.num_rounds, 1 + table.capacity - known)

    def settle(self, part: Part, num_kept: int) -> None:
        """Count what the step computed: known tokens and `num_kept` accepted ones.

        Full blocks become shareable; blocks behind the kept tokens go back.
        """
        sequence, table = part.sequence, part.sequence.table
        assert table is not None
        sequence.num_computed = part.start + part.num_known + num_kept
        self.cache.publish(table, sequence.token_ids, sequence.num_computed)
        self.cache.trim(table, max(len(sequence.token_ids), sequence.num_computed))

    def _fill(self, batch: Batch, budget: int, is_quiet: bool, *, is_background: bool) -> int:
        """Give rows to the running and then the waiting ones of a kind; how many."""
        left = budget
        running = [one for one in self._running if one.is_background == is_background]
        running.sort(key=lambda one: one.rank)
        for place, sequence in enumerate(running, start=1):
            if left <= 0 or sequence.table is None:
                continue
            if self._secure(sequence, batch):
                # Each running request behind this one keeps at least one row of the budget.
                left -= self._append(batch, sequence, max(1, left - (len(running) - place)))
        while left > 0:
            newcomer = self._next_waiting(is_quiet)
            if newcomer is None or newcomer.is_background != is_background:
                break
            if self._is_short(batch, is_background) or not self._make_room(newcomer, batch):
                break
            left -= self._append(batch, newcomer, left)
        return budget - left

    def _is_short(self, batch: Batch, is_background: bool) -> bool:
        """Whether one of a kind was preempted a moment ago.

        It would only be computed again to be preempted again.
        """
        gave_way = [one for one in self._waiting if one.request_id in batch.preempted]
        return any(is_background or not one.is_background for one in gave_way)

    def _make_room(self, newcomer: Sequence, batch: Batch) -> bool:
        """Admit a request, in the place of background ones if need be."""
        while self.num_running == self._config.max_batch or not self._admit(newcomer):
            victim = max(self._running, key=lambda running: running.rank, default=None)
            if victim is None or newcomer.is_background or not victim.is_background:
                return False
            self._preempt(victim)
            batch.preempted.append(victim.request_id)
        return True

    def _append(self, batch: Batch, sequence: Sequence, room: int) -> int:
        if sequence.is_prefilled:
            return 0  # a prefix that was known already; the step ends it
        num_known = min(sequence.num_uncomputed, room)
        batch.parts.append(Part(sequence, sequence.num_computed, num_known, draft_room=0))
        return num_known

    def _offer_drafts(self, batch: Batch, budget: int, background: int) -> int:
        """Room for drafts, of which so much for background requests; how much those got."""
        offered = 0
        for part in batch.parts:
            if not part.samples or part.most_depth <= 0:
                continue
            most = min(self._config.max_draft_tokens, budget)
            if part.sequence.is_background:
                most = min(most, background - offered)
                offered += most
            part.draft_room = most
            budget -= most
        return offered

    def _most_rounds(self, batch: Batch) -> int:
        """One where anybody waits, has no row in this step, or is not at its last token."""
        waits = any(not one.is_ahead for one in self._waiting)
        kinds = {part.sequence.is_background for part in batch.parts}
        if waits or len(kinds) != 1 or len(batch.parts) < self.num_running:
            return 1
        if not all(one.samples and one.num_known == 1 for one in batch.parts):
            return 1
        aheads = (one.sequence.ahead for one in batch.parts)
        known = (len(one.masks) for one in aheads if one is not None)
        rooms = (1 + one.most_depth for one in batch.parts)
        return max(1, min(self._config.max_rounds, *rooms, *known))

    def _next_waiting(self, is_quiet: bool) -> Sequence | None:
        """The highest priority; among equals the salt with the fewest running; then the oldest.

        So one workspace's flood waits behind another's single question, not the other way round.
        """
        if not self._waiting:
            return None
        running = Counter(one.salt for one in self._running)
        return min(
            (one for one in self._waiting if is_quiet or not one.is_ahead),
            key=lambda one: (-one.params.priority, running[one.salt], one.arrival),
            default=None,
        )

    def _set_aside(self) -> None:
        """Let what is computed ahead wait, without blocks."""
        for sequence in [one for one in self._running if one.is_ahead]:
            self._put_back(sequence)

    def _secure(self, sequence: Sequence, batch: Batch) -> bool:
        """Slots for a running request's known tokens, from those of lower rank if need be.

        Pins give way only to a request that is alone. False when it had to give way itself.
        """
        assert sequence.table is not None
        while not self.cache.reserve(sequence.table, len(sequence.token_ids)):
            if self.num_running == 1 and self.cache.pins.drop_oldest():
                continue
            victim = max(self._running, key=lambda running: running.rank)
            self._preempt(victim)
            batch.preempted.append(victim.request_id)
            if victim is sequence:
                return False
        return True

    def _admit(self, sequence: Sequence) -> bool:
        """Start a waiting request if all its tokens fit now, and one more where one is wanted."""
        assert sequence.prefix is not None
        needed = len(sequence.token_ids) + (1 if sequence.max_output else 0)
        admitted = self.cache.admit(sequence.prefix, sequence.token_ids, needed)
        while admitted is None and not self._running and self.cache.pins.drop_oldest():
            admitted = self.cache.admit(sequence.prefix, sequence.token_ids, needed)
        if admitted is None:
            return False
        sequence.table, num_cached = admitted
        sequence.num_computed = num_cached
        if sequence.num_steps == 0:
            sequence.num_cached = min(num_cached, sequence.num_prompt)
            self.prefix_query_tokens += len(sequence.token_ids)
            self.prefix_hit_tokens += num_cached
        sequence.timeline.start()
        self._waiting.remove(sequence)
        self._running.append(sequence)
        return True

    def _preempt(self, sequence: Sequence) -> None:
        self._put_back(sequence)
        self.num_preemptions += 1

    def _put_back(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        self._release(sequence)
        sequence.num_computed = 0
        self.add(sequence)

    def _release(self, sequence: Sequence) -> None:
        if sequence.table is not None:
            self.cache.release(sequence.table)
            sequence.table = None
