"""What one engine counts: plain numbers and bucket arrays, read between two steps.

Collecting costs a few microseconds a step; what the figures are called outside is not decided here.
Times are this engine's own: a request that goes on after a crash arrives anew in the next one.
"""

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from inference.request import FinishReason

_SHORT_S = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_LONG_S = (1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_TOKENS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
_LENGTHS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0, 32.0)

Numbers = dict[str, int | float]


class Histogram(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many values lie at or below each bound and above the one before; last, above them all."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    """The sum of all values."""


class MetricsSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An engine's figures of one moment: `values` is what `stats()` gives."""

    values: Numbers
    histograms: dict[str, Histogram]


@dataclass(slots=True)
class Timeline:
    """When what happened to a request, on the monotonic clock; None until it does."""

    arrived_s: float = field(default_factory=time.monotonic)
    started_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    num_tokens: int = 0
    num_drafts: int = 0
    num_accepted: int = 0

    def start(self) -> None:
        """It holds blocks for the first time; without effect when it does again."""
        if self.started_s is None:
            self.started_s = time.monotonic()


class Counted(Protocol):
    """What is counted: a request."""

    @property
    def num_prompt(self) -> int:
        """Tokens of its prompt."""
        ...

    @property
    def num_cached(self) -> int:
        """Those of them that were in the cache when it began."""
        ...

    @property
    def timeline(self) -> Timeline:
        """Its times, filled in here."""
        ...


class EngineMetrics:
    """Told by the step loop what happens, each event in about a microsecond."""

    def __init__(self) -> None:
        self._num_prompt = 0
        self._num_cached = 0
        self._num_generated = 0
        self._drafts_by_accepted: Counter[int] = Counter()
        self._finished: Counter[FinishReason] = Counter()
        self._queue = _Buckets(_LONG_S)
        self._prefill = _Buckets(_LONG_S)
        self._first_token = _Buckets(_LONG_S)
        self._inter_token = _Buckets(_SHORT_S)
        self._decode = _Buckets(_LONG_S)
        self._whole = _Buckets(_LONG_S)
        self._prompt_tokens = _Buckets(_TOKENS)
        self._output_tokens = _Buckets(_TOKENS)
        self._acceptance = _Buckets(_LENGTHS)
        self._step = _Buckets(_SHORT_S)
        self._rows = _Buckets(_ROWS)

    def stepped(self, duration_s: float, num_rows: int, num_rounds: int = 1) -> None:
        """A step has ended; `num_rows` are prompt, decode and drafted tokens together.

        Rounds of one call are steps of the same length.
        """
        self._step.observe(duration_s / num_rounds, num_rounds)
        self._rows.observe(num_rows // num_rounds, num_rounds)

    def drafted(self, timeline: Timeline, num_accepted: int) -> None:
        """A draft was verified; the first `num_accepted` depths of it were right."""
        timeline.num_drafts += 1
        timeline.num_accepted += num_accepted
        self._drafts_by_accepted[num_accepted] += 1

    def gained(self, request: Counted, num_tokens: int, now_s: float) -> None:
        """A request has got `num_tokens` from one step.

        The time since its last token is spread over them evenly; those that come together with the
        first one have not waited. So the intervals of a request always add up to its decode time.
        """
        timeline, num_later = request.timeline, num_tokens
        if timeline.first_token_s is None:
            timeline.first_token_s = timeline.last_token_s = now_s
            num_later -= 1
            self._first_token.observe(now_s - timeline.arrived_s)
            self._computed(request, now_s)
        if num_later and timeline.last_token_s is not None:
            self._inter_token.observe((now_s - timeline.last_token_s) / num_later, num_later)
        timeline.last_token_s = now_s
        timeline.num_tokens += num_tokens
        self._num_generated += num_tokens

    def ended(self, request: Counted, reason: FinishReason, now_s: float) -> None:
        """A request has ended, however early."""
        timeline = request.timeline
        self._finished[reason] += 1
        self._whole.observe(now_s - timeline.arrived_s)
        self._prompt_tokens.observe(request.num_prompt)
        self._output_tokens.observe(timeline.num_tokens)
        if timeline.first_token_s is not None and timeline.last_token_s is not None:
            self._decode.observe(timeline.last_token_s - timeline.first_token_s)
        elif timeline.started_s is not None and reason is FinishReason.LENGTH:
            # It asked for nothing but its prompt's blocks.
            self._computed(request, now_s)
        else:
            started_s = now_s if timeline.started_s is None else timeline.started_s
            self._queue.observe(started_s - timeline.arrived_s)
        if timeline.num_drafts:
            self._acceptance.observe(mean_acceptance_length(timeline))

    def values(self) -> Numbers:
        """The counters by name; `finished.REASON` and `accepted.positionN` are families."""
        finished = {f"finished.{one}": self._finished[one] for one in FinishReason}
        drafts = self._drafts_by_accepted.copy()
        accepted = {
            f"accepted.position{at}": sum(n for most, n in drafts.items() if most > at)
            for at in range(max(drafts, default=0))
        }
        return {
            "num_prompt_tokens": self._num_prompt,
            "num_cached_prompt_tokens": self._num_cached,
            "num_generated_tokens": self._num_generated,
            "num_drafts": drafts.total(),
            **finished,
            **accepted,
        }

    def histograms(self) -> dict[str, Histogram]:
        """The distributions by name; `_s` are seconds."""
        return {
            "queue_s": self._queue.snapshot(),
            "prefill_s": self._prefill.snapshot(),
            "first_token_s": self._first_token.snapshot(),
            "inter_token_s": self._inter_token.snapshot(),
            "decode_s": self._decode.snapshot(),
            "request_s": self._whole.snapshot(),
            "prompt_tokens": self._prompt_tokens.snapshot(),
            "output_tokens": self._output_tokens.snapshot(),
            "acceptance_length": self._acceptance.snapshot(),
            "step_s": self._step.snapshot(),
            "step_rows": self._rows.snapshot(),
        }

    def _computed(self, request: Counted, now_s: float) -> None:
        """All of a prompt is in the cache now."""
        timeline = request.timeline
        self._num_prompt += request.num_prompt
        self._num_cached += request.num_cached
        started_s = now_s if timeline.started_s is None else timeline.started_s
        self._queue.observe(started_s - timeline.arrived_s)
        self._prefill.observe(now_s - started_s)


def mean_acceptance_length(timeline: Timeline) -> float:
    """Tokens a verified draft gave on average, the target's own one included; 1 without drafts."""
    return 1 + timeline.num_accepted / max(timeline.num_drafts, 1)


class _Buckets:
    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self._counts[bisect_left(self._bounds, value)] += times
        self._total += value * times

    def snapshot(self) -> Histogram:
        return Histogram(self._bounds, tuple(self._counts), self._total)
