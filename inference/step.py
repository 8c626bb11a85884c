"""One beat of the engine: choose, draft, run, verify, keep."""

import logging
import time
from collections.abc import Sequence as SequenceOf

import torch

from inference.batch import Batch, Kept, Part, Verdict
from inference.errors import PeerLost
from inference.metrics import EngineMetrics
from inference.request import FinishReason, SpanChoice, TokenChunk, TokenLogprob
from inference.runner.inputs import row_starts
from inference.runner.model_runner import Computed, ModelRunner
from inference.runner.transfer import claim
from inference.scheduler import Scheduler
from inference.sequence import Sequence
from inference.speculation.drafting import Drafting

logger = logging.getLogger(__name__)

ROUNDS_IN_VAIN = 3
"""In one call behind a question that brought no drafts: the next token may bring some."""


class StepLoop:
    """Owns the requests from their first row to their last token."""

    def __init__(self, scheduler: Scheduler, drafting: Drafting, runner: ModelRunner) -> None:
        self.scheduler = scheduler
        self.drafting = drafting
        self._runner = runner
        self.metrics = EngineMetrics()
        self.num_steps = 0
        self.num_drafted_tokens = 0
        self.num_accepted_tokens = 0
        self._run_s = self._beside_s = 0.0
        self._ended_s: float | None = None

    @torch.inference_mode()
    def step(self) -> list[TokenChunk]:
        """Move every request of one batch on; what each has gained, and who has ended."""
        began_s = time.perf_counter()
        claim(self._runner.device)
        chunks = self._expire()
        batch = self.scheduler.next_batch()
        for request_id in batch.preempted:
            self.drafting.forget(request_id)
        if not batch.parts:
            return chunks + self._end_prefills()
        if not self._runner.has_rounds(batch.num_rows):
            batch.num_rounds = 1
        self.drafting.open(batch)
        self.scheduler.reserve_drafts(batch)
        chosen_s = time.perf_counter()
        self.drafting.draft(batch.parts)
        drafted_s = time.perf_counter()
        batch.num_rounds = min(batch.num_rounds, _rounds_beside_drafts(batch))
        self.scheduler.reserve_rounds(batch)
        chunks += self._compute(batch) + self._end_prefills()
        num_rounds = max(part.num_rounds for part in batch.parts)
        self.num_steps += num_rounds
        ended_s = time.perf_counter()
        step_s = ended_s - began_s
        # What the caller does between two steps is paid once a step, too.
        around_s = ended_s - (self._ended_s or began_s) - (drafted_s - chosen_s)
        self._beside_s = min(self._run_s, around_s - self._run_s)
        self._ended_s = ended_s if self.scheduler.num_running else None
        self.metrics.stepped(step_s, batch.num_rows, num_rounds)
        return chunks

    def end(self, sequence: Sequence, reason: FinishReason, error: str | None = None) -> TokenChunk:
        """Take a request out at once; its last chunk."""
        self.scheduler.remove(sequence)
        self.drafting.forget(sequence.request_id)
        return _chunk(sequence, (), sequence.text.flush(), reason, error=error)

    def report_end(self, sequence: Sequence, reason: FinishReason) -> TokenChunk:
        """The only chunk of a request that had ended before it came; all else was reported."""
        return _chunk(sequence, (), "", reason)

    def _end_prefills(self) -> list[TokenChunk]:
        done = [one for one in self.scheduler if one.table is not None and one.is_prefilled]
        return [self.end(one, FinishReason.LENGTH) for one in done]

    def _expire(self) -> list[TokenChunk]:
        now = time.monotonic()
        late = [one for one in self.scheduler if one.deadline is not None and one.deadline <= now]
        return [self.end(one, FinishReason.ABORT, "the deadline has passed") for one in late]

    def _compute(self, batch: Batch) -> list[TokenChunk]:
        """Run and verify; when that fails, every part alone, so that only the guilty one ends."""
        start = time.perf_counter()
        try:
            computed = self._runner.run(batch, self.drafting.wants, self.scheduler.look_ahead)
            verdicts = iter(computed.verdicts)
        except PeerLost:  # no request is to blame, and none can be served any more
            raise
        except Exception as error:
            if len(batch.parts) > 1:
                return [one for part in batch.parts for one in self._compute(Batch([part]))]
            logger.exception("a request failed in the forward pass")
            return [self._fail(batch.parts[0], f"the forward pass failed: {error}")]
        self._run_s = time.perf_counter() - start
        # A token that comes with others also saves what surrounds a run; it is as in the last step.
        num_rounds = max(part.num_rounds for part in batch.parts)
        num_rows = batch.num_rows // num_rounds
        self.drafting.note_step(num_rows, self._run_s + self._beside_s, num_rounds)
        chunks: list[TokenChunk] = []
        kept: list[Kept] = []
        for part, first_row in zip(batch.parts, row_starts(batch), strict=True):
            part.sequence.num_steps += part.num_rounds
            verdict = next(verdicts) if part.samples else Verdict((), ())
            if self._is_sound(part, first_row, verdict, computed):
                self._count(part, verdict)
                new = _extend(part, verdict)
                kept.append(_kept(part, first_row, verdict, new))
                chunks += new
            else:
                chunks.append(self._fail(part, "the model's numbers are not numbers"))
        self._settle(kept, computed)
        return chunks

    def _is_sound(self, part: Part, first_row: int, verdict: Verdict, computed: Computed) -> bool:
        """Whether all that is kept of a part is numbers; what is not kept is wiped if it is not."""
        if computed.are_all_sound:
            return True
        first_node = first_row + part.num_known
        # In known rows what is not a number spreads to the last one.
        rows = [first_node - 1, *(first_node + node for node in verdict.path)]
        if not all(computed.is_sound[row] for row in rows):
            return False
        bad = [node for node in range(len(part.tree)) if not computed.is_sound[first_node + node]]
        if bad:
            assert part.sequence.table is not None
            at = part.start + part.num_known
            slots = part.sequence.table.slots(at, at + len(part.tree))
            self._runner.wipe_slots([slots[node] for node in bad])
        return True

    def _settle(self, kept: list[Kept], computed: Computed) -> None:
        """Close up the accepted rows, publish and trim, tell the speculators, let the ended go."""
        sources: list[int] = []
        targets: list[int] = []
        for one in kept:
            table = one.part.sequence.table
            assert table is not None
            for source, target in one.moves:
                sources += table.slots(source, source + 1)
                targets += table.slots(target, target + 1)
        if sources:
            self._runner.move(sources, targets)
        for one in kept:
            if one.num_tokens:
                self.metrics.gained(one.part.sequence, one.num_tokens, time.monotonic())
            self.scheduler.settle(one.part, len(one.path))
        self.drafting.observe(kept, computed.features)
        for one in kept:
            if one.has_ended:
                self.scheduler.remove(one.part.sequence)
                self.drafting.forget(one.part.sequence.request_id)

    def _fail(self, part: Part, error: str) -> TokenChunk:
        table = part.sequence.table
        assert table is not None
        # What this request alone holds may be poisoned; what it shares was sound when published.
        self._runner.wipe(table.block_ids[table.num_published :])
        return self.end(part.sequence, FinishReason.ERROR, error)

    def _count(self, part: Part, verdict: Verdict) -> None:
        num_drafted = len(part.tree.drafted_by)
        if not num_drafted:
            return
        part.sequence.num_drafted += num_drafted
        part.sequence.num_accepted += verdict.num_accepted
        self.num_drafted_tokens += num_drafted
        self.num_accepted_tokens += verdict.num_accepted
        self.metrics.drafted(part.sequence.timeline, verdict.num_accepted)


def _kept(part: Part, first_row: int, verdict: Verdict, chunks: SequenceOf[TokenChunk]) -> Kept:
    num_tokens = sum(len(chunk.token_ids) for chunk in chunks)
    has_ended = bool(chunks) and chunks[-1].finish_reason is not None
    return Kept(part, first_row, num_tokens, verdict.path[:num_tokens], has_ended)


def _extend(part: Part, verdict: Verdict) -> list[TokenChunk]:
    """Append tokens one by one until one of them ends the answer; one chunk a segment."""
    sequence = part.sequence
    names: list[str | None] = [None] * len(verdict.token_ids)
    if not part.tree.is_own:
        names[: len(verdict.path)] = (part.tree.drafted_by[node] for node in verdict.path)
    chunks: list[TokenChunk] = []
    kept: list[int] = []
    lens: list[int] = []
    text, segment = "", sequence.segment
    for number, token_id in enumerate(verdict.token_ids, start=1):
        kept.append(token_id)
        sequence.token_ids.append(token_id)
        new, reason = advance(sequence, token_id)
        text += new
        lens.append(len(new))
        is_last = reason is not None or number == len(verdict.token_ids)
        if is_last or sequence.segment != segment:
            told = verdict.logprobs[number - len(kept) : number]
            logprobs = tuple(sequence.text.spelled(one) for one in told)
            drafted_by = names[number - len(kept) : number]
            chunk = _chunk(
                sequence,
                kept,
                text,
                reason,
                segment=segment,
                choice=sequence.choice,
                logprobs=logprobs,
                drafted_by=drafted_by,
                text_lens=lens,
            )
            chunks.append(chunk)
            kept, lens, text, segment = [], [], "", sequence.segment
        if reason is not None:
            break
    return chunks


def advance(sequence: Sequence, token_id: int) -> tuple[str, FinishReason | None]:
    """Bring text and constraint up to a token just appended, and see whether it is the last.

    The order is fixed: stop token, end of the constraint, stop string, length.
    """
    if token_id in sequence.stop_ids and sequence.num_output > sequence.params.min_tokens:
        return sequence.text.flush(), FinishReason.STOP
    text, is_stopped = sequence.text.feed(token_id)
    if sequence.constraint is not None:
        state = sequence.constraint.advance(sequence.constraint_state, token_id)
        sequence.constraint_state = state
        if sequence.constraint.is_done(state):
            return text + sequence.text.flush(), FinishReason.STOP
    if is_stopped:
        return text, FinishReason.STOP
    if sequence.num_output >= sequence.max_output:
        return text + sequence.text.flush(), FinishReason.LENGTH
    return text, None


def _chunk(
    sequence: Sequence,
    token_ids: SequenceOf[int],
    text: str,
    reason: FinishReason | None,
    *,
    segment: int | None = None,
    choice: SpanChoice | None = None,
    logprobs: tuple[TokenLogprob, ...] = (),
    drafted_by: SequenceOf[str | None] = (),
    text_lens: SequenceOf[int] = (),
    error: str | None = None,
) -> TokenChunk:
    return TokenChunk(
        request_id=sequence.request_id,
        token_ids=tuple(token_ids),
        text=text,
        finish_reason=reason,
        num_prompt_tokens=sequence.num_prompt,
        num_cached_tokens=sequence.num_cached,
        segment=segment,
        choice=choice,
        logprobs=logprobs,
        drafted_by=tuple(drafted_by),
        text_lens=tuple(text_lens),
        error=error,
    )


def _rounds_beside_drafts(batch: Batch) -> int:
    """None where anything was drafted; a few where somebody was asked in vain and may know next."""
    if any(part.tree.token_ids for part in batch.parts):
        return 1
    is_asked = any(part.draft_room for part in batch.parts)
    return ROUNDS_IN_VAIN if is_asked else batch.num_rounds
