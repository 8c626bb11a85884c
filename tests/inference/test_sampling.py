import math

import pytest
import torch

from inference.errors import InvalidRequest
from inference.request import SamplingParams
from inference.sampling import draw, probabilities, shape_logits, uniforms


def test_the_counter_generator_is_philox() -> None:
    # Known answer of the Random123 distribution: key 0, counter 0 gives 6627e8d5 e169c58d ...
    expected = ((0x6627E8D5 << 21) ^ (0xE169C58D >> 11)) / (1 << 53)
    assert uniforms([0], [0])[0] == expected


def test_numbers_depend_on_seed_and_position_alone() -> None:
    together = uniforms([1, 2, -3, 1], [5, 5, 1 << 40, 6])
    alone = [uniforms([s], [p])[0] for s, p in [(1, 5), (2, 5), (-3, 1 << 40), (1, 6)]]
    assert together.tolist() == alone
    assert len(set(alone)) == 4


def test_numbers_are_uniform() -> None:
    numbers = torch.from_numpy(uniforms([9] * 100_000, range(100_000)))
    counts = numbers.mul(50).long().bincount(minlength=50)
    chi_square = ((counts - 2000) ** 2 / 2000).sum().item()
    assert chi_square < 94  # 49 degrees of freedom, p = 1e-4


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=1.0),
        SamplingParams(temperature=0.5, top_k=4),
        SamplingParams(temperature=2.0, top_p=0.8),
        SamplingParams(temperature=1.0, min_p=0.2),
    ],
)
def test_tokens_are_drawn_by_their_probabilities(params: SamplingParams) -> None:
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -2.0, 1.5, -9.0])
    rows = 40_000

    drawn = draw(logits.expand(rows, -1), [params] * rows, [3] * rows, range(rows))

    observed = torch.tensor(drawn).bincount(minlength=8) / rows
    expected = probabilities(logits[None], [params])[0]
    expected = expected / expected.sum()
    torch.testing.assert_close(observed.double(), expected, atol=0.01, rtol=0)
    assert not observed[expected == 0].any()


def test_filters_keep_what_they_say() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.15, 0.1]]).log()

    def kept(**options: float) -> list[int]:
        probs = probabilities(logits, [SamplingParams(temperature=1.0, **options)])  # type: ignore[arg-type]
        return probs[0].nonzero().flatten().tolist()

    assert kept(top_k=2) == [0, 1]
    assert kept(top_p=0.5) == [0]
    assert kept(top_p=0.51) == [0, 1]
    assert kept(min_p=0.4) == [0, 1]
    assert kept(top_p=1e-6) == [0]
    assert kept(top_k=3, top_p=0.9, min_p=0.21) == [0, 1, 2]


def test_penalties_follow_their_definitions() -> None:
    params = SamplingParams(
        repetition_penalty=2.0,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        logit_bias={3: -1.0},
        min_tokens=4,
        max_tokens=9,
    )
    logits = torch.tensor([1.0, -1.0, 4.0, 0.0, 3.0])

    shape_logits(logits, params, [0, 1], [2, 2, 1], frozenset({4}))

    seen = [1.0 / 2, -1.0 * 2 - 0.5 - 0.25, 4.0 / 2 - 0.5 - 0.5, -1.0, -math.inf]
    assert logits.tolist() == seen


def test_the_smallest_temperature_draws_the_best() -> None:
    logits = torch.tensor([[3.0, -2.0, 5.0, 4.9]])
    assert draw(logits, [SamplingParams(temperature=5e-324)], [1], [1]) == [2]


@pytest.mark.parametrize(
    "temperature, number", [(0.0, -math.inf), (1.0, -math.inf), (1.0, math.nan)]
)
def test_a_row_without_a_possible_token_is_refused(temperature: float, number: float) -> None:
    with pytest.raises(ValueError, match=r"every token is excluded|are not numbers"):
        draw(torch.full((1, 4), number), [SamplingParams(temperature=temperature)], [1], [1])


@pytest.mark.parametrize("field", ["max_tokens", "min_tokens", "top_k", "priority"])
def test_parts_of_tokens_are_refused(field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{field}: needs a whole number"):
        SamplingParams(**{field: 1.5})  # type: ignore[arg-type]


def test_one_string_is_no_list_of_stop_strings() -> None:
    with pytest.raises(InvalidRequest, match="stop: needs a list"):
        SamplingParams(stop="END")  # type: ignore[arg-type]
