"""How often is too often."""

import pytest

from app.errors import RateLimited
from app.throttle import Allowance, Throttle


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_window_slides(time: Time) -> None:
    throttle = Throttle(2, 10, monotonic=time)
    for moment in (0.0, 5.0):
        time.now_s = moment
        throttle.check("key")
        throttle.count("key")

    with pytest.raises(RateLimited) as refused:
        throttle.check("key")
    throttle.check("another key")
    time.now_s = 10
    throttle.check("key")

    assert refused.value.retry_after_s == 5


def test_a_success_wipes_the_slate(time: Time) -> None:
    throttle = Throttle(1, 10, monotonic=time)
    throttle.count("key")

    throttle.forget("key")

    throttle.check("key")


def test_an_allowance_refills_at_its_rate_and_holds_its_burst(time: Time) -> None:
    allowance = Allowance(2, 3, monotonic=time)

    assert [allowance.take() for _ in range(4)] == [0, 0, 0, 0.5]
    time.now_s = 0.5
    assert [allowance.take() for _ in range(2)] == [0, 0.5]
    time.now_s = 100
    assert [allowance.take() for _ in range(4)] == [0, 0, 0, 0.5]
