"""What a step costs by its rows, on a machine that others use too."""

import pytest

from inference.runner.profile import LIMIT_S, NUM_ROUNDS, ROW_COUNTS, profile


class Machine:
    """Steps that take a millisecond a row, and a hundred times that during a busy moment."""

    def __init__(self, *, row_s: float = 0.001, busy: range = range(0)) -> None:
        self.now_s = 0.0
        self.runs: list[int] = []
        self._row_s = row_s
        self._busy = busy

    def perf_counter(self) -> float:
        return self.now_s

    def run(self, num_rows: int) -> None:
        slowness = 100 if len(self.runs) in self._busy else 1
        self.runs.append(num_rows)
        self.now_s += num_rows * self._row_s * slowness


def measured(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, num_warmups: int = 0
) -> dict[int, float]:
    monkeypatch.setattr("inference.runner.profile.time", machine)
    return profile(machine.run, num_warmups)


def test_a_busy_moment_makes_no_size_look_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(row_s=0.0001, busy=range(3, 7))  # the first looks at 4 to 32 rows

    seconds = measured(machine, monkeypatch)

    assert seconds == pytest.approx({count: count * 0.0001 for count in ROW_COUNTS})


def test_sizes_are_warmed_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(row_s=1e-6)

    measured(machine, monkeypatch, num_warmups=4)

    assert machine.runs.count(ROW_COUNTS[-1]) == NUM_ROUNDS + 4


def test_a_slow_model_is_measured_at_few_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(row_s=LIMIT_S)

    assert list(measured(machine, monkeypatch)) == list(ROW_COUNTS[:2])
