from collections.abc import Iterator

import pytest
import torch

from inference.runner.threads import threads_for


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "num_bytes, num_rows, expected",
    [(13_000_000, 1, 1), (13_000_000, 8, 1), (13_000_000, 64, 2), (16_000_000_000, 1, 2)],
)
def test_small_steps_take_one_thread_and_large_ones_all(
    num_bytes: int, num_rows: int, expected: int
) -> None:
    with threads_for(num_bytes, num_rows):
        assert torch.get_num_threads() == expected

    assert torch.get_num_threads() == 2


def test_a_step_that_fails_gives_the_threads_back() -> None:
    with pytest.raises(RuntimeError), threads_for(1, 1):
        raise RuntimeError

    assert torch.get_num_threads() == 2
