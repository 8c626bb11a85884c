"""From the engine's history to what the page draws; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.engine_room.history import Sample, gauge, quantile, ratio, tokens_per_step
from app.office.charts import Chart, Series, line_chart, show

_DEPTH = re.compile(r"spec\.(?P<speculator>.+)\.depth(?P<depth>\d+)\.drafted")


@dataclass(frozen=True)
class Tile:
    """A figure since the engine's start."""

    name: str
    value: str
    hint: str


@dataclass(frozen=True)
class Panel:
    """One live chart."""

    title: str
    hint: str
    chart: Chart


@dataclass(frozen=True)
class Depth:
    """How a speculator's drafts at one depth fared."""

    depth: int
    num_drafted: int
    num_accepted: int

    @property
    def share(self) -> float:
        """Accepted of drafted."""
        return self.num_accepted / max(self.num_drafted, 1)

    @property
    def percent(self) -> str:
        """For a person."""
        return show(self.share, "%")

    @property
    def level(self) -> int:
        """In tenths, as the stylesheet colours it."""
        return round(self.share * 10)


@dataclass(frozen=True)
class SpeculatorRow:
    """One speculator over all its depths."""

    name: str
    num_drafts: int
    draft_ms: str
    """Time one draft took, on average."""
    depths: tuple[Depth, ...]

    @property
    def by_depth(self) -> dict[int, Depth]:
        """The depths by their number."""
        return {one.depth: one for one in self.depths}

    @property
    def total(self) -> Depth:
        """All depths as one."""
        drafted = sum(one.num_drafted for one in self.depths)
        return Depth(0, drafted, sum(one.num_accepted for one in self.depths))


@dataclass(frozen=True)
class EngineView:
    """The page's figures of one moment; without a `model` the engine is away."""

    model: str | None
    has_worked: bool
    tiles: tuple[Tile, ...]
    panels: tuple[Panel, ...]
    speculators: tuple[SpeculatorRow, ...]
    num_depths: int


def view_engine(samples: Sequence[Sample]) -> EngineView:
    """All that the page shows."""
    newest = samples[-1].reading if samples else None
    values = dict(newest.snapshot.values) if newest is not None else {}
    speculators = _speculators(values)
    return EngineView(
        model=newest.model if newest is not None else None,
        has_worked=values.get("num_generated_tokens", 0) > 0,
        tiles=_tiles(values),
        panels=_panels(samples),
        speculators=speculators,
        num_depths=max((one.depths[-1].depth for one in speculators), default=0),
    )


def _tiles(values: dict[str, float]) -> tuple[Tile, ...]:
    drafted, accepted = values.get("num_drafted_tokens", 0), values.get("num_accepted_tokens", 0)
    hit, asked = values.get("prefix_hit_tokens", 0), values.get("prefix_query_tokens", 0)
    used = values.get("num_blocks", 0) - values.get("num_free_blocks", 0)
    mean = values.get("tokens_per_step", 0)
    return (
        Tile("Tokens per step", show(round(mean, 2)) if mean else "–", "per request"),
        Tile("Acceptance", show(accepted / drafted, "%") if drafted else "–", "of drafted tokens"),
        Tile("Prefix hits", show(hit / asked, "%") if asked else "–", "of prompt tokens"),
        Tile("Answer tokens", show(values.get("num_generated_tokens", 0)), "since the start"),
        Tile("Steps", show(values.get("num_steps", 0)), "since the start"),
        Tile("Blocks held", f"{used:,.0f} of {values.get('num_blocks', 0):,.0f}", "16 tokens each"),
    )


def _panels(samples: Sequence[Sample]) -> tuple[Panel, ...]:
    labels = [_ago(samples[-1].at - sample.at) for sample in samples]
    accepted = ratio(samples, "num_accepted_tokens", "num_drafted_tokens")
    hits = ratio(samples, "prefix_hit_tokens", "prefix_query_tokens")
    free, total = gauge(samples, "num_free_blocks"), gauge(samples, "num_blocks")
    used = [None if a is None or b is None else b - a for a, b in zip(free, total, strict=True)]

    def panel(
        title: str, hint: str, *series: Series, unit: str = "", y: float | None = None
    ) -> Panel:
        chart = line_chart(series, labels, unit=unit, y_max=y, is_filled=len(series) == 1)
        return Panel(title, hint, chart)

    return (
        panel(
            "Tokens per step",
            "What one run of the model gives a request. Without drafts it is 1.",
            Series("tokens", "accent", tokens_per_step(samples)),
        ),
        panel(
            "Acceptance",
            "Drafted tokens that the model agreed with.",
            Series("accepted", "human", accepted),
            unit="%",
            y=1.0,
        ),
        panel(
            "Prefix hit rate",
            "Prompt tokens that were already in the cache.",
            Series("found", "bot", hits),
            unit="%",
            y=1.0,
        ),
        panel(
            "Requests",
            "Answers being written, and those waiting for blocks.",
            Series("running", "human", gauge(samples, "num_running")),
            Series("waiting", "queue", gauge(samples, "num_waiting")),
        ),
        panel(
            "Cache blocks",
            "16 tokens each. Cached blocks hold a known prefix; they are free or held as well.",
            Series("held", "human", used),
            Series("cached", "bot", gauge(samples, "num_cached_blocks")),
        ),
        panel(
            "Time to first token",
            "From a request's arrival at the engine.",
            Series("half of them", "human", quantile(samples, "first_token_s", 0.5)),
            Series("95 of 100", "queue", quantile(samples, "first_token_s", 0.95)),
            unit="s",
        ),
    )


def _ago(past: timedelta) -> str:
    seconds = round(past.total_seconds())
    # Five labels to an axis: below three minutes neighbours would round to the same minute.
    return f"{seconds} s ago" if seconds < 180 else f"{round(seconds / 60)} min ago"


def _speculators(values: dict[str, float]) -> tuple[SpeculatorRow, ...]:
    found: dict[str, list[Depth]] = {}
    for key, drafted in values.items():
        if matched := _DEPTH.fullmatch(key):
            name, depth = matched["speculator"], int(matched["depth"])
            accepted = values.get(f"spec.{name}.depth{depth}.accepted", 0)
            found.setdefault(name, []).append(Depth(depth, int(drafted), int(accepted)))
    return tuple(
        _row(name, values, sorted(depths, key=lambda one: one.depth))
        for name, depths in sorted(found.items())
    )


def _row(name: str, values: dict[str, float], depths: list[Depth]) -> SpeculatorRow:
    drafts = int(values.get(f"spec.{name}.drafts", 0))
    seconds = values.get(f"spec.{name}.draft_s", 0.0)
    told = f"{seconds / drafts * 1_000:.2f} ms" if drafts and seconds else "–"
    return SpeculatorRow(name, drafts, told, tuple(depths))
