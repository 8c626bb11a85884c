"""A few rounds in one call of the C++ decoder against one call for each of them, bit by bit."""

from pathlib import Path

import pytest
import torch

from inference.model.decoder import DecoderInputs
from inference.model.native_decoder import NativeModel
from kernels.native.attention import NativeKernels
from kernels.native.rounds import Decoded, Rounds
from kernels.native.sample import DrawRow, draw
from kernels.paged_attention import plan_attention
from tests.inference.model.test_native_decoder import (
    BLOCK,
    filled_cache,
    kernels,
    kernels_library,
    load,
)

__all__ = ["kernels", "kernels_library"]

TABLES = torch.tensor([[3, 9, 4, 0], [7, 1, 11, 20], [5, 6, 8, 2]])
STARTS, FIRST_IDS, MOST = [0, 6, 15], [4, 5, 6], 9
EVER_S = 60.0
KINDS = {
    "float64": (torch.float64, torch.float64),
    "bfloat16": (torch.bfloat16, torch.bfloat16),
    "int8 weights": (torch.int8, torch.bfloat16),
    "int8 cache": (torch.float32, torch.int8),
}


def inputs_at(positions: list[int], ids: list[int], count: int) -> DecoderInputs:
    """One row a sequence, the first `count` of them."""
    places = torch.tensor(positions)
    slots = TABLES[torch.arange(count), places // BLOCK] * BLOCK + places % BLOCK
    starts = torch.arange(count + 1)
    plan = plan_attention(TABLES[:count].contiguous(), starts, places + 1, BLOCK, None)
    return DecoderInputs(torch.tensor(ids), places, slots, plan)


def draws(count: int, at: int) -> list[DrawRow]:
    """Greedy, free and cut rows."""
    ways = [(0.0, 1.0, 0.0, 0), (1.0, 1.0, 0.0, 0), (0.8, 0.9, 0.01, 20)]
    return [
        DrawRow(*way, seed=7 + row, position=STARTS[row] + 1 + at)
        for row, way in enumerate(ways[:count])
    ]


def one_by_one(
    model: NativeModel,
    kernels: NativeKernels,
    cache: torch.Tensor,
    count: int,
    layers: tuple[int, ...],
) -> Decoded:
    ids, token_ids, states, aux = FIRST_IDS[:count], [], [], []
    for at in range(MOST):
        inputs = inputs_at([start + at for start in STARTS[:count]], ids, count)
        hidden, own_aux = model.forward_with_aux(inputs, cache, layers)
        ids = draw(kernels, model.logits(hidden), draws(count, at))
        token_ids.append(ids)
        states.append(hidden)
        aux.append(own_aux)
    return Decoded(
        token_ids, torch.stack(states, 1).flatten(0, 1), torch.stack(aux, 1).flatten(0, 1)
    )


@pytest.mark.parametrize("name", ["llama", "mistral-window"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 3])
def test_rounds_are_single_steps(
    name: str, kind: str, count: int, tmp_path: Path, kernels: NativeKernels
) -> None:
    model, _ = load(name, tmp_path, kernels, *KINDS[kind])
    layers = (0, 1)
    cache = filled_cache(model, KINDS[kind][1])
    expected_cache = cache.clone()
    expected = one_by_one(model, kernels, expected_cache, count, layers)
    rounds = Rounds(draws(count, 0), [frozenset()] * count, [()] * count, MOST, EVER_S)

    got = model.decode(inputs_at(STARTS[:count], FIRST_IDS[:count], count), cache, rounds, layers)

    assert got.token_ids == expected.token_ids
    assert torch.equal(got.hidden, expected.hidden)
    assert got.aux is not None and expected.aux is not None
    assert torch.equal(got.aux, expected.aux)
    assert torch.equal(cache.view(torch.uint8), expected_cache.view(torch.uint8))


def test_rounds_end_with_a_stop_token_of_the_one_who_drew_it(
    tmp_path: Path, kernels: NativeKernels
) -> None:
    model, _ = load("llama", tmp_path, kernels, torch.float64)
    cache = filled_cache(model, torch.float64)
    ids = one_by_one(model, kernels, cache.clone(), 3, (0,)).token_ids
    at = next(at for at in range(1, MOST) if ids[at][1] not in [one[1] for one in ids[:at]])
    others = frozenset(range(512)) - {one for row in ids for one in row}
    stops = [others, frozenset({ids[at][1]}), others]

    got = model.decode(
        inputs_at(STARTS, FIRST_IDS, 3), cache, Rounds(draws(3, 0), stops, [()] * 3, MOST, EVER_S)
    )

    assert got.token_ids == ids[: at + 1]
    assert got.hidden.shape[0] == 3 * (at + 1)


def test_a_first_round_without_a_possible_token_is_an_error(
    tmp_path: Path, kernels: NativeKernels
) -> None:
    model, _ = load("llama", tmp_path, kernels, torch.float64)
    cache = filled_cache(model, torch.float64)
    cache[:, :, TABLES[1, 0]] = float("nan")
    rounds = Rounds(draws(2, 0), [frozenset()] * 2, [()] * 2, MOST, EVER_S)

    with pytest.raises(ValueError, match="not numbers"):
        model.decode(inputs_at(STARTS[:2], FIRST_IDS[:2], 2), cache, rounds)
