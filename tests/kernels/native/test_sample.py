"""Tokens drawn in C++ are those that inference/sampling.py draws."""

import math

import pytest
import torch

from inference.request import SamplingParams
from inference.sampling import draw
from kernels.native.attention import NativeKernels
from kernels.native.sample import best
from tests.kernels.conftest import kernels, kernels_library

__all__ = ["kernels", "kernels_library"]

WISHES = [
    SamplingParams(temperature=0.0),
    SamplingParams(temperature=1.0),
    SamplingParams(temperature=5e-324),
    SamplingParams(temperature=0.7, top_k=5),
    SamplingParams(temperature=1.3, top_k=1),
    SamplingParams(temperature=1.0, top_k=10_000),
    SamplingParams(temperature=1.0, top_p=0.9),
    SamplingParams(temperature=2.0, top_p=0.999),
    SamplingParams(temperature=1.0, top_p=1e-6),
    SamplingParams(temperature=1.0, min_p=0.1),
    SamplingParams(temperature=1.0, min_p=1.0),
    SamplingParams(temperature=1.5, top_k=40, top_p=0.8, min_p=0.02),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("width", [1, 7, 64, 1000])
def test_tokens_are_those_of_torch(width: int, dtype: torch.dtype, kernels: NativeKernels) -> None:
    generator = torch.Generator().manual_seed(width)
    wanted = [one for one in WISHES for _ in range(40)]
    logits = torch.randn(len(wanted), width + 3, generator=generator).mul(3).to(dtype)[:, :width]
    logits[torch.rand(logits.shape, generator=generator) < 0.2] = -math.inf  # as masks leave them
    logits[:, 0] = 0.5
    seeds = [number * 0x9E3779B97F4A7C15 for number in range(len(wanted))]  # most need 64 bits
    positions = [number * 3 for number in range(len(wanted))]

    assert draw(logits, wanted, seeds, positions, kernels) == draw(logits, wanted, seeds, positions)


def test_equal_probabilities_are_kept_by_the_order_of_their_ids(kernels: NativeKernels) -> None:
    wanted = [SamplingParams(temperature=1.0, top_k=3), SamplingParams(temperature=1.0, top_p=0.3)]
    logits, seeds = torch.zeros(2000, 10), list(range(2000))

    drawn = draw(logits, wanted * 1000, seeds, seeds, kernels)

    assert set(drawn) == {0, 1, 2}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("number", [-math.inf, math.nan, math.inf])
def test_what_cannot_be_drawn_is_refused_as_in_torch(
    number: float, temperature: float, kernels: NativeKernels
) -> None:
    logits, wanted = torch.full((1, 4), number), [SamplingParams(temperature=temperature)]
    outcomes = []
    for one in (None, kernels):
        try:
            outcomes.append(str(draw(logits, wanted, [1], [1], one)))
        except ValueError as error:
            outcomes.append(str(error))

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("width", [1, 7, 64, 1000])
def test_the_likeliest_is_that_of_torch(
    width: int, dtype: torch.dtype, kernels: NativeKernels
) -> None:
    generator = torch.Generator().manual_seed(width)
    logits = torch.randint(0, 5, (50, width + 3), generator=generator).to(dtype)[:, :width]
    logits[:10, width // 2] = math.nan
    logits[10:20] = -math.inf
    logits[20:30, -1] = math.inf

    found = best(kernels, logits)

    firsts = [
        row.isnan().nonzero() if row.isnan().any() else (row == row.max()).nonzero()
        for row in logits
    ]
    assert found == [int(first[0]) for first in firsts]
