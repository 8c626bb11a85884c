"""A law is found again in points that it made, and few points leave much open."""

import pytest

from inference.training.power_law import Measured, PowerLaw, fit

LAW = PowerLaw(1.5, 0.6, 0.4, 1.9, 0.35)
SIZES = (1_600_000, 3_100_000, 6_500_000, 16_000_000)
TOKENS = (60_000, 250_000, 1_000_000, 10_000_000)


def points(sizes: tuple[int, ...], tokens: tuple[int, ...]) -> list[Measured]:
    return [Measured(size, count, LAW.loss(size, count)) for size in sizes for count in tokens]


def test_points_of_a_law_give_its_losses_again() -> None:
    laws = fit(points(SIZES, TOKENS))

    assert laws.largest_miss < 0.005
    for size, count in ((2_000_000, 500_000), (16_000_000, 30_000_000)):
        loss, least, most = laws.losses(size, count)
        assert loss == pytest.approx(LAW.loss(size, count), rel=0.01)
        assert least <= LAW.loss(size, count) <= most


def test_far_from_the_points_the_laws_differ_more() -> None:
    laws = fit(points(SIZES[:3], TOKENS[:3]))

    (_, near_least, near_most), (_, far_least, far_most) = (
        laws.losses(6_500_000, count) for count in (1_000_000, 100_000_000)
    )

    assert far_least <= LAW.loss(6_500_000, 100_000_000) <= far_most
    assert far_most - far_least > 3 * (near_most - near_least)


def test_no_term_is_below_nothing() -> None:
    """Larger is worse here, which no law of this kind can say."""
    worse = [
        Measured(size, count, 4 + size / 1e7 - count / 1e7)
        for size in SIZES[:3]
        for count in (60_000, 1_000_000)
    ]

    best = fit(worse).best

    assert min(best.floor, best.size_scale, best.token_scale) >= 0


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="6 points, got 4"):
        fit(points(SIZES[:2], TOKENS[:2]))
