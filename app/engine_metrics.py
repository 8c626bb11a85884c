"""The engine's figures in Prometheus' terms, under the names other engines' dashboards know.

The names that begin with `vllm:` mean what they mean there; what has no name there begins with
`care_`. An engine that is away says so with `care_engine_up 0` and leaves out the rest, rather than
repeat figures of the past.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from inference import Histogram, MetricsSnapshot

_GAUGES = (
    ("vllm:num_requests_running", "Requests that hold blocks", "num_running"),
    ("vllm:num_requests_waiting", "Requests that hold none yet", "num_waiting"),
)
_COUNTERS = (
    ("vllm:prefix_cache_queries", "Tokens looked up in the cache", "prefix_query_tokens"),
    ("vllm:prefix_cache_hits", "Tokens found in the cache", "prefix_hit_tokens"),
    ("vllm:num_preemptions", "Requests that gave their blocks back", "num_preemptions"),
    ("vllm:prompt_tokens", "Tokens of computed prompts", "num_prompt_tokens"),
    ("vllm:prompt_tokens_cached", "Those found in the cache", "num_cached_prompt_tokens"),
    ("vllm:generation_tokens", "Tokens of answers", "num_generated_tokens"),
    ("vllm:spec_decode_num_drafts", "Drafts that were verified", "num_drafts"),
    ("vllm:spec_decode_num_draft_tokens", "Tokens drafted", "num_drafted_tokens"),
    ("vllm:spec_decode_num_accepted_tokens", "Drafted tokens kept", "num_accepted_tokens"),
)
_LABELLED = (
    (
        "vllm:request_success",
        "Requests that ended, by reason",
        re.compile(r"finished\.(?P<finished_reason>.+)"),
    ),
    (
        "vllm:spec_decode_num_accepted_tokens_per_pos",
        "Drafted tokens kept, by their place in the draft",
        re.compile(r"accepted\.position(?P<position>\d+)"),
    ),
    (
        "care_spec_drafts",
        "Verified drafts a speculator had a part in",
        re.compile(r"spec\.(?P<speculator>.+)\.drafts"),
    ),
    (
        "care_spec_draft_seconds",
        "Time a speculator took to draft",
        re.compile(r"spec\.(?P<speculator>.+)\.draft_s"),
    ),
    (
        "care_spec_drafted_tokens",
        "Tokens a speculator drafted, by their depth in the tree",
        re.compile(r"spec\.(?P<speculator>.+)\.depth(?P<depth>\d+)\.drafted"),
    ),
    (
        "care_spec_accepted_tokens",
        "Those of them that were kept",
        re.compile(r"spec\.(?P<speculator>.+)\.depth(?P<depth>\d+)\.accepted"),
    ),
    (
        "care_admission_rejections",
        "Requests the engine did not take, by code",
        re.compile(r"refused\.(?P<code>.+)"),
    ),
)
_HISTOGRAMS = (
    ("vllm:time_to_first_token_seconds", "From arrival to the first token", "first_token_s"),
    ("vllm:inter_token_latency_seconds", "A step's time over its tokens", "inter_token_s"),
    ("vllm:e2e_request_latency_seconds", "From arrival to the end", "request_s"),
    ("vllm:request_queue_time_seconds", "From arrival to the first blocks", "queue_s"),
    ("vllm:request_prefill_time_seconds", "From there to the first token", "prefill_s"),
    ("vllm:request_decode_time_seconds", "From there to the last token", "decode_s"),
    ("vllm:request_prompt_tokens", "Prompt tokens of a request", "prompt_tokens"),
    ("vllm:request_generation_tokens", "Answer tokens of a request", "output_tokens"),
    ("vllm:iteration_tokens_total", "Token rows of a step", "step_rows"),
    ("care_engine_step_seconds", "One step", "step_s"),
    ("care_request_acceptance_length", "Tokens per draft of a request", "acceptance_length"),
)


@dataclass(frozen=True)
class EngineReading:
    """What one look at the engine told."""

    model: str
    snapshot: MetricsSnapshot


@dataclass(eq=False)
class EngineCollector(Collector):
    """Turns the last reading into families; whoever scrapes puts it here first."""

    reading: EngineReading | None = None
    """None while the engine does not answer."""
    step_age_s: float = 0.0
    restarts: Mapping[str, int] = field(default_factory=dict)

    def describe(self) -> list[Metric]:
        """Nothing: the families depend on the reading."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families of this moment."""
        is_up = self.reading is not None
        yield GaugeMetricFamily("care_engine_up", "Whether the engine answers", value=is_up)
        yield GaugeMetricFamily(
            "care_engine_step_age_seconds",
            "For how long the engine has shown no progress",
            value=self.step_age_s,
        )
        yield restarts_of(self.restarts)
        if self.reading is not None:
            yield from _families(self.reading.model, self.reading.snapshot)


def restarts_of(counts: Mapping[str, int]) -> Metric:
    """How often the engine process was started again, by cause."""
    family = CounterMetricFamily(
        "care_engine_restarts", "Starts after the first one, by cause", labels=["cause"]
    )
    for cause, count in counts.items():
        family.add_metric([cause], count)
    return family


def _families(model: str, snapshot: MetricsSnapshot) -> Iterator[Metric]:
    values = snapshot.values
    for name, meaning, key in _GAUGES:
        yield _gauge(name, meaning, {(model,): values[key]})
    num_blocks, num_free = values["num_blocks"], values["num_free_blocks"]
    share = (num_blocks - num_free) / max(num_blocks, 1)
    yield _gauge("vllm:kv_cache_usage_perc", "Share of blocks that are held", {(model,): share})
    blocks: dict[tuple[str, ...], float] = {
        (model, "free"): num_free,
        (model, "used"): num_blocks - num_free,
        (model, "cached"): values["num_cached_blocks"],
    }
    yield _gauge("care_kv_pages", "Blocks by state", blocks, "state")
    for name, meaning, key in _COUNTERS:
        yield _counter(name, meaning, {(model,): values[key]})
    for name, meaning, pattern in _LABELLED:
        found = {
            (model, *matched.groups()): value
            for key, value in values.items()
            if (matched := pattern.fullmatch(key))
        }
        yield _counter(name, meaning, found, *pattern.groupindex)
    for name, meaning, key in _HISTOGRAMS:
        yield _histogram(name, meaning, model, snapshot.histograms[key])


Labelled = Mapping[tuple[str, ...], float]


def _gauge(name: str, meaning: str, values: Labelled, *labels: str) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["model_name", *labels])
    for own, value in values.items():
        family.add_metric(own, value)
    return family


def _counter(name: str, meaning: str, values: Labelled, *labels: str) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=["model_name", *labels])
    for own, value in values.items():
        family.add_metric(own, value)
    return family


def _histogram(name: str, meaning: str, model: str, values: Histogram) -> Metric:
    bounds = [*map(floatToGoString, values.bounds), "+Inf"]
    buckets = list(zip(bounds, itertools.accumulate(values.counts), strict=True))
    family = HistogramMetricFamily(name, meaning, labels=["model_name"])
    family.add_metric([model], buckets, values.total)
    return family
