"""Threads share work where that has been faster, and only there."""

import subprocess
from pathlib import Path
from typing import Protocol

import pytest

from kernels.native import build as native_build

PROGRAM = """
#include "sharing.h"
#include <cstdio>
// Waking, then lines of rows, and what they take alone and shared; 1 where they are shared.
int main() {
    Sharing sharing;
    long rows;
    double waking, alone, shared;
    bool is_awake = false;
    scanf("%lf", &waking);
    while (scanf("%ld %lf %lf", &rows, &alone, &shared) == 3) {
        bool is_shared = sharing.choose(rows);
        sharing.note(is_shared ? shared + (is_awake ? 0 : waking) : alone);
        putchar(is_shared ? '1' : '0');
        is_awake = is_shared;
    }
}
"""
Run = tuple[int, float, float]
"""Rows, nanoseconds alone, nanoseconds shared."""
LARGE, SMALL = 100, 1


class Decide(Protocol):
    """What becomes of runs, where the first shared one after others also takes `waking`."""

    def __call__(self, runs: list[Run], waking: float = 0.0) -> list[bool]: ...


@pytest.fixture(scope="module")
def decide(tmp_path_factory: pytest.TempPathFactory) -> Decide:
    folder = tmp_path_factory.mktemp("sharing")
    (folder / "sharing.cpp").write_text(PROGRAM)
    program, headers = folder / "sharing", Path(native_build.__file__).parent
    command = ["c++", "-std=c++17", f"-I{headers}", str(folder / "sharing.cpp"), "-o", str(program)]
    subprocess.run(command, check=True)

    def run(runs: list[Run], waking: float = 0.0) -> list[bool]:
        lines = f"{waking}\n" + "".join(
            f"{rows} {alone} {shared}\n" for rows, alone, shared in runs
        )
        told = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
        return [one == "1" for one in told.stdout]

    return run


def seconds(runs: list[Run], decisions: list[bool]) -> float:
    costs = zip(runs, decisions, strict=True)
    return sum(shared if is_shared else alone for (_, alone, shared), is_shared in costs)


def test_each_number_of_rows_is_decided_for_itself(decide: Decide) -> None:
    runs = [(LARGE, 2e6, 1e6), (SMALL, 2e4, 3e4)] * 1000

    decisions = decide(runs)

    assert sum(decisions[0::2]) > 970 and sum(decisions[1::2]) < 30


def test_a_neighbour_that_comes_and_goes_is_noticed(decide: Decide) -> None:
    quiet, busy = [(LARGE, 2e6, 1e6)] * 1000, [(LARGE, 2.2e6, 9e6)] * 1000

    decisions = decide(quiet + busy + quiet)

    assert sum(decisions[:1000]) > 980
    assert sum(decisions[1000:2000]) < 30
    assert sum(decisions[2000:]) > 1000 - 256 - 20


def test_a_run_that_was_held_up_now_and_then_changes_nothing(decide: Decide) -> None:
    runs = [(LARGE, 2e6, 4e7 if number % 25 == 24 else 1e6) for number in range(1000)]

    assert sum(decide(runs)) > 950


def test_a_slow_first_run_is_no_price(decide: Decide) -> None:
    assert sum(decide([(LARGE, 2e6, 9e7)] + [(LARGE, 2e6, 1e6)] * 999)) > 980


def test_never_much_dearer_than_the_better_way(decide: Decide) -> None:
    for shared in (0.5e6, 0.9e6, 1.1e6, 2e6, 8e6):
        runs = [(LARGE, 1e6, shared)] * 2000

        assert seconds(runs, decide(runs)) < 1.1 * 2000 * min(1e6, shared)


def test_a_third_row_that_costs_little_speaks_for_no_way_of_doing_two(decide: Decide) -> None:
    # Three rows alone cost less a row than two shared: alone is still the worse way to do two.
    runs = [(2, 1.0e6, 0.8e6), (3, 1.1e6, 1.2e6)] * 1000

    decisions = decide(runs)

    assert sum(decisions[0::2]) > 970 and sum(decisions[1::2]) < 30


def test_waking_is_not_held_against_sharing_that_goes_on(decide: Decide) -> None:
    busy, quiet = [(SMALL, 1e6, 5e6)] * 100, [(SMALL, 1e6, 0.7e6)] * 1000

    for waking in (0.8e6, 3e6):
        decisions = decide(busy + quiet, waking=waking)

        assert sum(decisions[:100]) < 20
        assert sum(decisions[100:]) > 1000 - 64 - 30


def test_many_rows_are_told_apart_by_parts_of_an_octave(decide: Decide) -> None:
    runs = [(16, 1.0e6, 0.8e6), (20, 1.1e6, 1.2e6), (2**40, 2e9, 1e9)] * 1000

    decisions = decide(runs)

    assert sum(decisions[0::3]) > 970 and sum(decisions[2::3]) > 970
    assert sum(decisions[1::3]) < 30
