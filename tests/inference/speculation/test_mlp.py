from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch.nn import functional

from inference import ModelLoadError
from inference.speculation import mlp
from inference.speculation.base import Draft, Features, Outcome, TargetFacts
from inference.speculation.draft_vocabulary import write_draft_vocabulary
from inference.speculation.mlp import MlpSpeculator
from inference.speculation.mlp_format import MlpConfig, MlpWeights, save_mlp_speculator
from inference.speculation.mlp_graphs import MOST_REQUESTS, WANTED
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

Result = TypeVar("Result")

ALL = 1_000
CONFIGS = {
    "untied": mlp_config(),
    "tied": mlp_config(tie_weights=True),
    "tied and scaled": mlp_config(
        tie_weights=True, scale_input=True, n_predict=4, top_k_tokens_per_head=(6, 4, 3, 3)
    ),
    "wide": mlp_config(inner_dim=20, n_candidates=12),
    "chain": mlp_config(top_k_tokens_per_head=(1, 1, 1), n_candidates=1),
    "one stage": mlp_config(n_predict=1, top_k_tokens_per_head=(7,)),
}
TOKENS = [3, 7, 30]


def log_probs_along(
    weights: MlpWeights, config: MlpConfig, hidden: torch.Tensor, ids: tuple[int, ...]
) -> list[torch.Tensor]:
    """The published forward pass along one path: log-probabilities [V] behind each token of it.

    As in fms-extras, stage by stage: ln0, proj, emb, ln, GELU, head.
    """

    def norm(x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean() + 1e-6)

    state_weight = 0.5 ** (0.5 / config.n_predict)
    emb_weight = (1 - state_weight**2) ** 0.5
    state = norm(hidden) / 2**0.5 if config.scale_input else hidden
    found = []
    for i, token_id in enumerate(ids):
        z = weights.embeddings[i][token_id] * (emb_weight * (config.inner_dim / 2) ** 0.5)
        state = weights.projections[i] @ state * state_weight + z
        state = functional.gelu(norm(state) * weights.scales[i] + weights.shifts[i])
        found.append((weights.heads[i] @ state).log_softmax(-1))
    return found


def brute_force(
    weights: MlpWeights,
    config: MlpConfig,
    hidden: torch.Tensor,
    token_id: int,
    head_ids: Sequence[int] = range(VOCAB),
) -> dict[tuple[int, ...], float]:
    """Every prefix of the best candidates among all paths, and its last token's probability.

    `head_ids` are the tokens that the rows of the heads stand for.
    """
    scored: list[tuple[float, tuple[int, ...], list[float]]] = []
    for ranks in product(*(range(width) for width in config.top_k_tokens_per_head)):
        path: tuple[int, ...] = (token_id,)
        shares: list[float] = []
        for rank in ranks:
            logprob = log_probs_along(weights, config, hidden, path)[-1].sort(descending=True)
            path += (head_ids[int(logprob.indices[rank])],)
            shares.append(float(logprob.values[rank]))
        scored.append((sum(shares), path[1:], shares))
    scored.sort(reverse=True)
    return {
        path[: depth + 1]: float(torch.tensor(shares[depth], dtype=torch.float64).exp())
        for _, path, shares in scored[: config.n_candidates]
        for depth in range(len(path))
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_the_tree_holds_the_best_of_all_paths(name: str) -> None:
    config = CONFIGS[name]
    weights = random_mlp(config)
    speculator = MlpSpeculator(weights, config, facts(dtype=torch.float64), ALL)
    hidden = torch.randn(3, WIDTH, dtype=torch.float64)
    speculator.observe(
        [drawn(f"r{row}", TOKENS[row:], row) for row in range(3)], Features(hidden, None)
    )

    drafts = speculator.propose([request(f"r{row}", TOKENS[row:], 63) for row in (2, 0, 1)])

    for row, draft in zip((2, 0, 1), drafts, strict=True):
        assert paths_of(draft) == pytest.approx(
            brute_force(weights, config, hidden[row], TOKENS[-1]), abs=1e-12
        )


@pytest.mark.parametrize("name", ["untied", "tied"])
def test_heads_guess_among_the_draft_vocabulary_only(name: str) -> None:
    config = CONFIGS[name]
    weights = random_mlp(config)
    ids = torch.randperm(VOCAB, generator=torch.Generator().manual_seed(1))[: VOCAB // 3]
    speculator = MlpSpeculator(weights, config, facts(dtype=torch.float64), ALL, ids)
    hidden = torch.randn(1, WIDTH, dtype=torch.float64)
    speculator.observe([drawn("r", TOKENS, 0)], Features(hidden, None))

    draft = speculator.propose([request("r", TOKENS, 63)])[0]

    narrow = replace(weights, heads=tuple(head[ids] for head in weights.heads))
    expected = brute_force(narrow, config, hidden[0], TOKENS[-1], ids.tolist())
    assert paths_of(draft) == pytest.approx(expected, abs=1e-12)


def test_dropping_branches_early_costs_little() -> None:
    config = CONFIGS["tied and scaled"]
    weights = random_mlp(config)
    hidden = torch.randn(8, WIDTH, dtype=torch.float64)
    found = []
    for limit in (ALL, None):
        speculator = MlpSpeculator(weights, config, facts(dtype=torch.float64), limit)
        outcomes = [drawn(f"r{row}", TOKENS, row) for row in range(8)]
        speculator.observe(outcomes, Features(hidden, None))
        drafts = speculator.propose([request(f"r{row}", TOKENS, 63) for row in range(8)])
        found.append([path_probs(draft) for draft in drafts])

    for every, beam in zip(*found, strict=True):
        candidates = [path for path in beam if len(path) == config.n_predict]
        assert len(candidates) == config.n_candidates
        of_beam = sum(beam[path] for path in candidates)
        of_all = sum(every[path] for path in every if len(path) == config.n_predict)
        assert 0.8 * of_all < of_beam <= of_all + 1e-12


def path_probs(draft: Draft) -> dict[tuple[int, ...], float]:
    """Every node as the tokens that lead to it, with the probability of all of them."""
    totals: dict[tuple[int, ...], float] = {(): 1.0}
    for path, score in paths_of(draft).items():
        totals[path] = totals[path[:-1]] * score
    del totals[()]
    return totals


@pytest.mark.parametrize("room", [1, 2, 5, 9])
def test_a_small_room_keeps_the_likeliest_nodes(room: int) -> None:
    config = CONFIGS["untied"]
    weights = random_mlp(config)
    speculator = MlpSpeculator(weights, config, facts(dtype=torch.float64), ALL)
    hidden = torch.randn(2, WIDTH, dtype=torch.float64)
    outcomes = [drawn("small", TOKENS, 0), drawn("large", TOKENS, 1)]
    speculator.observe(outcomes, Features(hidden, None))

    small, _ = speculator.propose([request("small", TOKENS, room), request("large", TOKENS, 63)])
    whole = speculator.propose([request("small", TOKENS, 63)])[0]

    totals = path_probs(whole)
    best = sorted(totals, key=totals.__getitem__, reverse=True)[:room]
    assert set(paths_of(small)) == set(best)


def test_only_what_was_drawn_last_is_drafted_behind() -> None:
    config = CONFIGS["untied"]
    speculator = MlpSpeculator(random_mlp(config), config, facts(dtype=torch.float64))
    features = Features(torch.randn(4, WIDTH, dtype=torch.float64), None)
    prefilling = Outcome("prefilling", b"", [*TOKENS, 1, 2], (), 0, (0, 1), Draft(), 0)
    undrawn = Outcome("undrawn", b"", TOKENS, (), 0, (0, 1, 2), Draft(), 0)
    speculator.observe(
        [prefilling, undrawn, drawn("gone", TOKENS, 2), drawn("ready", TOKENS, 3)], features
    )
    speculator.forget("gone")

    drafts = speculator.propose(
        [
            request("unknown", TOKENS, 9),
            request("prefilling", [*TOKENS, 1, 2], 9),
            request("undrawn", TOKENS, 9),
            request("gone", TOKENS, 9),
            request("ready", [*TOKENS, 1], 9),
            request("ready", TOKENS, 0),
            request("ready", TOKENS, 9),
        ]
    )

    assert [len(draft) > 0 for draft in drafts] == [False] * 6 + [True]


class Rerunner:
    """What captured graphs do, by running the same functions again over what they have seen."""

    num_recorded = 0

    def __call__(self, run: Callable[[], Result]) -> Callable[[], Result]:
        self.num_recorded += 1
        return run


def test_a_recorded_proposal_drafts_the_same_at_every_size() -> None:
    config, record = CONFIGS["tied and scaled"], Rerunner()
    weights = random_mlp(config)
    plain = MlpSpeculator(weights, config, facts(), ALL)
    recorded = MlpSpeculator(weights, config, facts(record=record), ALL)
    ids = [f"r{number}" for number in range(MOST_REQUESTS + WANTED + 2)]
    features = Features(torch.randn(len(ids), WIDTH, dtype=torch.float64), None)
    outcomes = [drawn(one, TOKENS, row) for row, one in enumerate(ids)]
    plain.observe(outcomes, features)
    recorded.observe(outcomes, features)

    for turn in range(WANTED + 1):
        for num_requests in (1, 3, 4, MOST_REQUESTS + 1):
            asked = [request(one, TOKENS, 9) for one in ids[turn : turn + num_requests]]
            for ours, theirs in zip(recorded.propose(asked), plain.propose(asked), strict=True):
                assert paths_of(ours) == pytest.approx(paths_of(theirs), abs=1e-12)
    assert record.num_recorded == 2, "one request, and four; 65 are too many"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lower_precision_stays_near(dtype: torch.dtype) -> None:
    config = CONFIGS["tied and scaled"]
    weights = random_mlp(config)
    hidden = torch.randn(1, WIDTH, dtype=torch.float64)
    scores = []
    for one in (torch.float64, dtype):
        speculator = MlpSpeculator(weights, config, facts(dtype=one), ALL)
        speculator.observe([drawn("r", TOKENS, 0)], Features(hidden.to(one), None))
        scores.append(speculator.propose([request("r", TOKENS, 1)])[0].scores[0])

    assert scores[1] == pytest.approx(scores[0], abs=1e-5 if dtype == torch.float32 else 0.1)


def test_a_folder_is_known_by_its_config_and_refused_by_its_sizes(tmp_path: Path) -> None:
    config = CONFIGS["tied"]
    save_mlp_speculator(tmp_path, random_mlp(config), config)
    right: TargetFacts = facts()

    assert mlp.matches(tmp_path, {"architectures": ["MLPSpeculatorPreTrainedModel"]})
    assert not mlp.matches(tmp_path, {"architectures": ["LlamaForCausalLM"]})
    assert mlp.load(tmp_path, right).name == "mlp"
    write_draft_vocabulary(tmp_path, [5, 3])
    narrow = mlp.load(tmp_path, right)
    narrow.observe([drawn("r", TOKENS, 0)], Features(torch.randn(1, WIDTH), None))
    assert set(narrow.propose([request("r", TOKENS, 63)])[0].token_ids) == {5, 3}
    with pytest.raises(ModelLoadError, match="states of width 12, the target's is 16"):
        mlp.load(tmp_path, facts(hidden_size=16))
    with pytest.raises(ModelLoadError, match=f"size {VOCAB}, the target's is 266"):
        mlp.load(tmp_path, facts(vocab_size=266))
