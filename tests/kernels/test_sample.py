"""Drawing a token: the kernel, its reference and the CPU path's sampler agree."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.request import SamplingParams
from inference.sampling import draw, uniforms
from kernels import reference_sampling as reference
from kernels import sample
from kernels.reference_sampling import Draws

LATTICE = [
    {"temperature": 0.0},
    {"temperature": 1.0},
    {"temperature": 0.3, "top_k": 1},
    {"temperature": 2.0, "top_k": 7},
    {"temperature": 1.0, "top_p": 0.35},
    {"temperature": 0.7, "min_p": 0.2},
    {"temperature": 1.3, "top_k": 40, "top_p": 0.8, "min_p": 0.05},
    {"temperature": 1e-3, "top_p": 0.999999},
    {"temperature": 100.0, "top_k": 10_000},
]


def draws(
    params: Sequence[SamplingParams], seeds: Sequence[int], positions: Sequence[int]
) -> Draws:
    def floats(name: str) -> torch.Tensor:
        return torch.tensor([getattr(one, name) for one in params], dtype=torch.float64)

    return Draws(
        floats("temperature"),
        floats("top_k").long(),
        floats("top_p"),
        floats("min_p"),
        torch.tensor(seeds),
        torch.tensor(positions),
    )


@pytest.mark.parametrize("width", [1, 33, 600])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_and_reference_draw_what_the_cpu_draws(width: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(width)
    params = [SamplingParams(**one) for one in LATTICE]  # type: ignore[arg-type]
    rows = len(params)
    logits = (4 * torch.randn(rows, width, generator=generator)).to(dtype)
    logits[:, width // 2 + 1 :: 5] = float("-inf")  # what a grammar has excluded
    seeds = [(-1) ** row * (row << 57) + row for row in range(rows)]
    positions = [3 + (row << 33) for row in range(rows)]

    expected = draw(logits, params, seeds, positions)
    given = draws(params, seeds, positions)

    assert reference.sample(logits, given).tolist() == expected
    assert sample.launch(logits, given).tolist() == expected


@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_any_filters_agree(data: Any) -> None:
    width = data.draw(st.integers(2, 40))
    one = SamplingParams(
        temperature=data.draw(st.floats(0.05, 5.0)),
        top_k=data.draw(st.integers(0, 50)),
        top_p=data.draw(st.sampled_from([1.0, 0.97, 0.61, 0.123, 1e-6])),
        min_p=data.draw(st.sampled_from([0.0, 0.013, 0.37, 1.0])),
    )
    seed = data.draw(st.integers(-(1 << 63), (1 << 63) - 1))
    logits = torch.randn(2, width, generator=torch.Generator().manual_seed(seed % 999)) * 3
    positions = [0, 1 << 40]

    given = draws([one] * 2, [seed] * 2, positions)
    expected = draw(logits, [one] * 2, [seed] * 2, positions)

    assert sample.launch(logits, given).tolist() == expected


def test_of_equal_logits_the_first_ones_stay() -> None:
    logits = torch.tensor([2.0, 5.0, 5.0, -1.0, 5.0, 5.0, 0.0, -0.0]).expand(6, 8).contiguous()
    seeds = list(range(6))
    for options, kept in (({"top_k": 3}, {1, 2, 4}), ({"top_p": 0.6}, {1, 2, 4}), ({}, set())):
        params = [SamplingParams(temperature=1.0, **options)] * 6
        tokens = sample.launch(logits, draws(params, seeds, [9] * 6)).tolist()
        assert tokens == draw(logits, params, seeds, [9] * 6)
        assert not kept or set(tokens) <= kept


def test_rows_of_many_tiles_are_drawn_alike() -> None:
    width = 2 * sample.BLOCK + 300
    logits = torch.randn(4, width, generator=torch.Generator().manual_seed(1))
    logits[1] = 0.0  # all alike: the first ones stay, across tiles
    logits[3, ::2] = float("-inf")
    params = [
        SamplingParams(temperature=1.0),
        SamplingParams(temperature=1.0, top_k=width - 200),
        SamplingParams(temperature=0.7, top_p=0.9),
        SamplingParams(temperature=3.0),
    ]
    for seed in range(2):
        seeds = [seed, 40 + seed, seed, seed]
        expected = draw(logits, params, seeds, [7] * 4)
        assert sample.launch(logits, draws(params, seeds, [7] * 4)).tolist() == expected


def test_the_best_of_equals_is_the_first() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0, 2.0] * 3000])
    greedy = draws([SamplingParams()], [0], [0])
    assert sample.launch(logits, greedy).tolist() == [1]


def test_numbers_are_those_of_the_cpu_path() -> None:
    seeds = [0, 1, -1, (1 << 63) - 1, -(1 << 63), 0xDEADBEEF << 20]
    positions = [0, 1, 77, 1 << 31, (1 << 33) + 5, 12_345]
    numbers = reference.philox(torch.tensor(seeds), torch.tensor(positions))
    assert numbers.tolist() == uniforms(seeds, positions).tolist()


@pytest.mark.parametrize("value", [float("-inf"), float("nan")])
def test_without_a_possible_token_none_is_drawn(value: float) -> None:
    logits = torch.full((1, 5), value)
    given = draws([SamplingParams(temperature=1.0)], [1], [1])
    assert sample.launch(logits, given).tolist() == [reference.NO_TOKEN]


def test_one_number_that_is_none_spoils_the_draw() -> None:
    logits = torch.zeros(1, 9)
    logits[0, 4] = float("nan")
    given = draws([SamplingParams(temperature=1.0)], [1], [1])
    assert sample.launch(logits, given).tolist() == [reference.NO_TOKEN]
    assert reference.sample(logits, given).tolist() == [reference.NO_TOKEN]


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, float("-inf"), 0.5]).expand(4000, 5).contiguous()
    given = draws([SamplingParams(temperature=0.8)] * 4000, list(range(4000)), [3] * 4000)
    expected = (logits[0] / 0.8).softmax(-1)
    share = reference.sample(logits, given).bincount(minlength=5) / 4000
    torch.testing.assert_close(share, expected, atol=0.025, rtol=0)  # 3 standard deviations


def test_the_number_is_right_to_its_last_bits() -> None:
    seeds, positions = [5, -1, (1 << 63) - 1, 7 << 40], [0, 9, 1 << 33, 12_345]
    numbers = torch.from_numpy(uniforms(seeds, positions))
    params = [SamplingParams(temperature=1.0)] * 4
    for factor, expected in ((1 + 1e-14, 0), (1 - 1e-14, 1)):
        share = numbers * factor  # of the first of two tokens: a little above the number, or below
        logits = torch.stack([share.log(), torch.log1p(-share)], -1)

        tokens = sample.launch(logits, draws(params, seeds, positions)).tolist()

        assert (
            tokens
            == [expected] * 4
            == reference.sample(logits, draws(params, seeds, positions)).tolist()
        )


def test_zeros_of_either_sign_are_equals() -> None:
    one = torch.tensor([-1.0, -0.0, 0.0, -0.0, -2.0, 0.0])
    logits = torch.stack([one, one.where(one < 0, -one)]).repeat(3, 1)
    for options in ({"top_k": 2}, {"top_p": 0.4}):
        params = [SamplingParams(temperature=1.0, **options)] * 6
        tokens = sample.launch(logits, draws(params, [*range(6)], [0] * 6)).tolist()
        assert tokens == draw(logits, params, [*range(6)], [0] * 6)
        assert set(tokens) <= {1, 2}


def test_rows_may_lie_apart_and_filters_meet_on_one_logit() -> None:
    wide = torch.randn(8, 100, generator=torch.Generator().manual_seed(3)) * 2
    logits = wide[:, 30:70]
    logits[:, 3:9] = 2.5  # top-k ends among equals, and top-p of what it has left does too
    seeds = [*range(8)]
    params = [
        SamplingParams(temperature=0.9, top_k=4 + row % 5, top_p=0.5 + row % 4 / 10)
        for row in range(8)
    ]

    tokens = sample.launch(logits, draws(params, seeds, [1] * 8)).tolist()

    assert tokens == draw(logits.contiguous(), params, seeds, [1] * 8)
