"""A proposal of the MLP speculator in one C++ call, against the same speculator in torch.

Nearly equal candidates may stand for one another: compared are the nodes that both have, and what
all candidates hold.
"""

from dataclasses import replace
from math import log

import pytest
import torch

from inference.speculation.base import Draft, DraftRequest, Features
from inference.speculation.mlp import LEAST_SURVIVAL, MlpSpeculator
from inference.speculation.mlp_format import MlpConfig
from kernels.native.attention import NativeKernels
from tests.inference.speculation.heads import (
    VOCAB,
    WIDTH,
    drawn,
    facts,
    mlp_config,
    paths_of,
    random_mlp,
    request,
)

CONFIGS = {
    "untied": mlp_config(),
    "tied and scaled": mlp_config(
        tie_weights=True, scale_input=True, n_predict=4, top_k_tokens_per_head=(6, 4, 3, 3)
    ),
    "odd sizes": mlp_config(vocab_size=211, inner_dim=38, emb_dim=70, n_candidates=12),
    "chain": mlp_config(top_k_tokens_per_head=(1, 1, 1), n_candidates=1),
    "more guesses than tokens": mlp_config(
        vocab_size=5, n_predict=2, top_k_tokens_per_head=(9, 9), n_candidates=3
    ),
}


def observing(
    config: MlpConfig,
    hidden: torch.Tensor,
    dtype: torch.dtype,
    kernels: NativeKernels | None,
    draft_ids: torch.Tensor | None = None,
) -> MlpSpeculator:
    """A random speculator that has seen a request draw from each of these states."""
    shape = facts(
        vocab_size=config.vocab_size,
        hidden_size=config.emb_dim,
        dtype=dtype,
        native=lambda: kernels,
    )
    weights = random_mlp(config, dtype)
    rounded = {id(head): as_int8(head) for head in weights.heads}
    weights = replace(weights, heads=tuple(rounded[id(head)] for head in weights.heads))
    speculator = MlpSpeculator(weights, config, shape, draft_ids=draft_ids)
    speculator.finish_packing()
    outcomes = [
        drawn(f"r{row}", list(asking(config, row, 1).token_ids), row) for row in range(len(hidden))
    ]
    speculator.observe(outcomes, Features(hidden, None))
    return speculator


def as_int8(weight: torch.Tensor) -> torch.Tensor:
    """The weight as the kernel keeps it."""
    scales = weight.float().abs().amax(1, keepdim=True) / 127
    return ((weight.float() / scales).round() * scales).to(weight.dtype)


def asking(config: MlpConfig, row: int, room: int) -> DraftRequest:
    """The request that drew from this row."""
    return request(f"r{row}", [1, row % config.vocab_size], room)


def drafts_of(
    config: MlpConfig,
    hidden: torch.Tensor,
    room: int,
    dtype: torch.dtype,
    kernels: NativeKernels | None,
    draft_ids: torch.Tensor | None = None,
) -> list[Draft]:
    """The trees behind these states."""
    speculator = observing(config, hidden, dtype, kernels, draft_ids)
    return speculator.propose([asking(config, row, room) for row in range(len(hidden))])


def survivals(draft: Draft) -> dict[tuple[int, ...], float]:
    """The probability of every node's whole path."""
    totals: dict[tuple[int, ...], float] = {(): 1.0}
    for path, score in paths_of(draft).items():
        totals[path] = totals[path[:-1]] * score
    del totals[()]
    return totals


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("num_requests", [1, 3, 45])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_candidates_are_those_of_torch(
    kernels: NativeKernels, name: str, num_requests: int, dtype: torch.dtype
) -> None:
    config = CONFIGS[name]
    hidden = torch.randn(
        num_requests, config.emb_dim, generator=torch.Generator().manual_seed(num_requests)
    )

    native = drafts_of(config, hidden, 63, dtype, kernels)
    torchs = drafts_of(config, hidden, 63, dtype, None)

    # Rows are rounded to 12 bits; in torch a bfloat16 head rounds its products too.
    tolerance = 0.01 if dtype == torch.float32 else 0.1
    of_native = of_torch = 0.0
    for own, expected in zip(map(survivals, native), map(survivals, torchs), strict=True):
        for path in own.keys() & expected.keys():
            assert own[path] == pytest.approx(expected[path], abs=tolerance)
        candidates = [total for path, total in own.items() if len(path) == config.n_predict]
        assert len(candidates) <= config.n_candidates
        of_native += sum(candidates)
        likely = {path: one for path, one in expected.items() if one > 2 * LEAST_SURVIVAL}
        of_torch += sum(one for path, one in likely.items() if len(path) == config.n_predict)
    assert of_native > 0.95 * of_torch - tolerance


@pytest.mark.parametrize("room", [1, 2, 5])
def test_a_small_room_keeps_the_likeliest_nodes(kernels: NativeKernels, room: int) -> None:
    config = CONFIGS["odd sizes"]
    hidden = torch.randn(2, config.emb_dim, generator=torch.Generator().manual_seed(3))
    speculator = observing(config, hidden, torch.float32, kernels)

    small, _ = speculator.propose([asking(config, 0, room), asking(config, 1, 63)])

    whole = survivals(speculator.propose([asking(config, 0, 63)])[0])
    assert set(survivals(small)) == set(sorted(whole, key=whole.__getitem__)[-room:])


def test_heads_guess_among_the_draft_vocabulary_only(kernels: NativeKernels) -> None:
    config = CONFIGS["odd sizes"]
    hidden = torch.randn(3, config.emb_dim, generator=torch.Generator().manual_seed(4))
    ids = torch.randperm(211, generator=torch.Generator().manual_seed(5))[:50]

    native = drafts_of(config, hidden, 63, torch.float32, kernels, ids)
    torchs = drafts_of(config, hidden, 63, torch.float32, None, ids)

    assert {one for draft in native for one in draft.token_ids} <= set(ids.tolist())
    for own, expected in zip(map(survivals, native), map(survivals, torchs), strict=True):
        shared = own.keys() & expected.keys()
        assert len(shared) > len(own) / 2
        assert all(own[path] == pytest.approx(expected[path], abs=0.01) for path in shared)


def test_what_is_unlikely_does_not_grow(kernels: NativeKernels) -> None:
    config = mlp_config(vocab_size=64, n_candidates=40, top_k_tokens_per_head=(8, 8, 8))
    hidden = torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(0))

    native = drafts_of(config, hidden, 63, torch.float32, kernels)
    torchs = drafts_of(config, hidden, 63, torch.float32, None)

    assert all(min(survivals(draft).values()) >= LEAST_SURVIVAL for draft in native)
    for own, every in zip(native, torchs, strict=True):
        likely = [total for total in survivals(every).values() if total > 1.5 * LEAST_SURVIVAL]
        assert sum(survivals(own).values()) >= 0.95 * sum(likely)
    assert sum(map(len, native)) < sum(map(len, torchs))


def test_a_state_that_is_no_number_drafts_nothing(kernels: NativeKernels) -> None:
    config = CONFIGS["untied"]
    hidden = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(1))
    sound = drafts_of(config, hidden, 9, torch.float32, kernels)
    hidden[1, 2] = float("nan")

    drafts = drafts_of(config, hidden, 9, torch.float32, kernels)

    assert not drafts[1]
    assert (drafts[0], drafts[2]) == (sound[0], sound[2])


def test_a_tree_does_not_depend_on_its_neighbours(kernels: NativeKernels) -> None:
    config = CONFIGS["tied and scaled"]
    hidden = torch.randn(9, WIDTH, generator=torch.Generator().manual_seed(2))

    together = drafts_of(config, hidden, 15, torch.bfloat16, kernels)

    alone = drafts_of(config, hidden[:1], 15, torch.bfloat16, kernels)
    assert together[0] == alone[0]
    assert all(0 < score <= 1 and log(score) <= 0 for one in together for score in one.scores)
    assert all(0 <= token_id < VOCAB for one in together for token_id in one.token_ids)
