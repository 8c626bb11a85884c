"""Rates and quantiles out of counters that only grow."""

from datetime import UTC, datetime

import pytest

from app.engine_metrics import EngineReading
from app.engine_room.history import Sample, gauge, quantile, ratio, tokens_per_step
from app.engine_room.panels import view_engine
from inference import Histogram, MetricsSnapshot

AT = datetime(2026, 11, 21, tzinfo=UTC)


def sample(counts: tuple[int, ...] = (0, 0, 0), **values: float) -> Sample:
    histogram = Histogram(bounds=(0.1, 0.2), counts=counts, total=0.0)
    snapshot = MetricsSnapshot(dict(values), {"first_token_s": histogram})
    return Sample(AT, EngineReading("tiny", snapshot))


AWAY = Sample(AT, None)


def test_a_ratio_is_of_what_was_gained_and_nothing_gained_has_none() -> None:
    samples = [sample(hit=10, asked=100), sample(hit=40, asked=140), sample(hit=40, asked=140)]

    assert ratio(samples, "hit", "asked") == [None, 0.75, 0.75]
    assert ratio([samples[2]] * 3, "hit", "asked") == [None, None, None]


def test_an_engine_that_started_anew_or_is_away_has_no_rate() -> None:
    samples = [sample(num_steps=50, hit=9, asked=9), AWAY, sample(num_steps=1, hit=1, asked=2)]

    assert ratio(samples, "hit", "asked") == [None, None, None]
    assert gauge(samples, "num_steps") == [50.0, None, 1.0]


def test_tokens_per_step_are_those_of_the_window() -> None:
    # 100 tokens in 50 turns, then 90 more in 30
    samples = [
        sample(num_generated_tokens=100, tokens_per_step=2.0),
        sample(num_generated_tokens=190, tokens_per_step=190 / 80),
    ]

    assert tokens_per_step(samples)[1] == pytest.approx(3.0)


def test_a_quantile_is_of_the_values_within_the_window() -> None:
    samples = [sample((8, 0, 0)), sample((8, 10, 0)), sample((8, 10, 5))]

    assert quantile(samples, "first_token_s", 0.5)[1] == pytest.approx(0.15)
    assert quantile(samples, "first_token_s", 0.95)[2] == 0.2, "above the last bound: the bound"
    assert quantile(samples, "nothing", 0.5) == [None, None, None]


def test_the_view_names_speculators_and_depths() -> None:
    values = {
        "spec.ngram.drafts": 4,
        "spec.ngram.draft_s": 0.002,
        "spec.ngram.depth1.drafted": 10,
        "spec.ngram.depth1.accepted": 8,
        "spec.ngram.depth2.drafted": 10,
        "spec.ngram.depth2.accepted": 3,
        "num_generated_tokens": 20,
    }

    view = view_engine([sample((0, 0, 0), **values)])

    (row,) = view.speculators
    assert (row.name, row.draft_ms, row.total.percent) == ("ngram", "0.50 ms", "55 %")
    assert [(one.depth, one.percent, one.level) for one in row.depths] == [
        (1, "80 %", 8),
        (2, "30 %", 3),
    ]
    assert view.has_worked and view.num_depths == 2


def test_without_an_engine_the_view_says_so() -> None:
    view = view_engine([AWAY])

    assert view.model is None and all(panel.chart.is_empty for panel in view.panels)
