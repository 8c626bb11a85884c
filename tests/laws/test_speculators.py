"""Promise 1 for trained drafters: whatever a head of any kind guesses, the answer is the target's.

The heads are random, and the MLP speculator also one that knows which token follows which in the
answers. All of them are read from folders as published.
"""

from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from inference import Engine, EngineConfig
from inference.speculation.budget import EveryNode
from inference.speculation.medusa_format import MedusaConfig, save_medusa
from inference.speculation.mlp_format import MlpConfig, MlpWeights, save_mlp_speculator
from tests.inference.speculation.eagle_truth import PublishedHead
from tests.inference.speculation.heads import random_medusa, random_mlp
from tests.laws.test_lossless import PARAMS as ALL_PARAMS
from tests.laws.test_lossless import PROMPTS as ALL_PROMPTS
from tests.laws.test_lossless import Answer, answers

VOCAB, WIDTH, NUM_TOKENS = 266, 64, 24
NAMES = ("greedy", "penalised", "json")
PARAMS = {name: replace(ALL_PARAMS[name], max_tokens=NUM_TOKENS) for name in NAMES}
PROMPTS = ALL_PROMPTS[1::2]
Alone = dict[str, list[Answer]]


def engine(target: Path, speculator: Path | None = None, **options: Any) -> Engine:
    """An engine; the speculator drafts for everyone, whether it pays or not."""
    config: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 256} | options
    if speculator is None:
        return Engine(EngineConfig(model=str(target), **config))
    kind = "eagle" if speculator.name.startswith("eagle") else speculator.name.split("-")[0]
    config |= {"speculator": str(speculator), "max_draft_tokens": 20}
    return Engine(EngineConfig(model=str(target), **config), budget=EveryNode([kind]))


@pytest.fixture(scope="module")
def alone(tiny_target: Path) -> Alone:
    """Every prompt alone and without speculation: what all else must equal."""
    found: Alone = {name: [] for name in NAMES}
    for name in NAMES:
        for prompt in PROMPTS:
            one = engine(tiny_target)
            found[name] += answers(one, [prompt], PARAMS[name])
            one.close()
    return found


def save_mlp(folder: Path, alone: Alone) -> None:
    config = MlpConfig(
        vocab_size=VOCAB, emb_dim=WIDTH, inner_dim=24, n_predict=4,
        top_k_tokens_per_head=(6, 4, 3, 3), tie_weights=True, scale_input=True,
    )  # fmt: skip
    save_mlp_speculator(folder, random_mlp(config, torch.float32), config)


def save_mlp_that_knows(folder: Path, alone: Alone) -> None:
    """Its embedding marks the last token, and its head is a table of what followed that token."""
    config = MlpConfig(
        vocab_size=VOCAB, emb_dim=WIDTH, inner_dim=VOCAB, n_predict=3,
        top_k_tokens_per_head=(3, 2, 2), tie_weights=True,
    )  # fmt: skip
    followers = torch.zeros(VOCAB, VOCAB)
    for of_all in alone.values():
        for prompt, answer in zip(PROMPTS, of_all, strict=True):
            ids = [*prompt, *answer[0]]
            for token_id, follower in pairwise(ids):
                followers[follower, token_id] += 1
    nothing = torch.zeros(VOCAB, VOCAB)
    weights = MlpWeights(
        embeddings=(torch.eye(VOCAB),) * 3,
        projections=(torch.zeros(VOCAB, WIDTH), nothing, nothing),
        heads=(followers,) * 3,
        scales=(torch.ones(VOCAB),) * 3,
        shifts=(torch.zeros(VOCAB),) * 3,
    )
    save_mlp_speculator(folder, weights, config)


def save_medusa_heads(folder: Path, alone: Alone) -> None:
    config = MedusaConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_heads=4, num_layers=1)
    save_medusa(folder, random_medusa(config, torch.float32), config)


def save_eagle(folder: Path, alone: Alone) -> None:
    PublishedHead(False, WIDTH, vocab=VOCAB).save(folder)


def save_eagle_3(folder: Path, alone: Alone) -> None:
    config = {"eagle_aux_hidden_state_layer_ids": [2, 1, 2]}
    PublishedHead(True, WIDTH, config, target_width=WIDTH, vocab=VOCAB).save(folder)


HEADS: dict[str, Callable[[Path, Alone], None]] = {
    "mlp-random": save_mlp,
    "mlp-knowing": save_mlp_that_knows,
    "medusa-random": save_medusa_heads,
    "eagle-random": save_eagle,
    "eagle3-random": save_eagle_3,
}


@pytest.fixture(scope="module", params=HEADS)
def head(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, alone: Alone
) -> Path:
    folder = tmp_path_factory.mktemp("heads") / str(request.param)
    folder.mkdir()
    HEADS[request.param](folder, alone)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_head_leaves_a_batch_as_it_is(
    tiny_target: Path, head: Path, alone: Alone, name: str
) -> None:
    one = engine(tiny_target, head)
    cold = one.generate(PROMPTS, PARAMS[name])
    warm = one.generate(PROMPTS, PARAMS[name])
    stats = one.stats()
    one.close()

    for outputs in (cold, warm):
        said = [(out.token_ids, out.text, out.finish_reason) for out in outputs]
        assert said == alone[name]
        assert sum(out.num_drafted_tokens for out in outputs) > 0
    assert sum(out.num_cached_tokens for out in warm) > 0
    assert stats["num_free_blocks"] == 256
    if head.name == "mlp-knowing" and name == "greedy":
        assert sum(out.num_accepted_tokens for out in cold) > len(PROMPTS) * NUM_TOKENS / 2


@pytest.mark.parametrize("name", ["greedy", "penalised"])
def test_a_head_leaves_preempted_requests_as_they_are(
    tiny_target: Path, head: Path, alone: Alone, name: str
) -> None:
    one = engine(tiny_target, head, num_blocks=10, max_step_tokens=24, max_batch=8)
    assert answers(one, PROMPTS, PARAMS[name]) == alone[name]
    stats = one.stats()
    one.close()

    assert stats["num_free_blocks"] == 10
    assert stats["num_preemptions"] > 0


def test_heads_merge_their_trees(tiny_target: Path, tmp_path: Path, alone: Alone) -> None:
    folders = [tmp_path / name for name in ("mlp-random", "medusa-random", "eagle3-random")]
    for folder in folders:
        folder.mkdir()
        HEADS[folder.name](folder, alone)
    names = [str(folder) for folder in folders]
    config = EngineConfig(
        model=str(tiny_target), device="cpu", dtype="float64", speculator=["ngram", *names]
    )
    one = Engine(config, budget=EveryNode(["ngram", "mlp", "medusa", "eagle"]))

    assert answers(one, PROMPTS, PARAMS["penalised"]) == alone["penalised"]
    stats = one.stats()
    one.close()

    for name in ("mlp", "medusa", "eagle"):
        assert stats[f"spec.{name}.depth1.drafted"] > 0


def test_requests_that_come_and_go_change_nobody_elses_drafts_into_text(
    tiny_target: Path, head: Path, alone: Alone
) -> None:
    one = engine(tiny_target, head, num_blocks=40, max_batch=3)
    for number, prompt in enumerate(PROMPTS):
        one.submit(f"r{number}", prompt, PARAMS["greedy"])
    said: dict[str, list[int]] = {f"r{number}": [] for number in range(len(PROMPTS))}
    for step in count():
        if step == 4:
            one.abort("r1")
        for chunk in one.step():
            said[chunk.request_id] += chunk.token_ids
        if not one.has_work:
            break
    num_free = one.stats()["num_free_blocks"]
    one.close()

    for number, (token_ids, _, _) in enumerate(alone["greedy"]):
        assert said[f"r{number}"] == list(token_ids)[: len(said[f"r{number}"])]
        assert number == 1 or len(said[f"r{number}"]) == NUM_TOKENS
    assert num_free == 40
