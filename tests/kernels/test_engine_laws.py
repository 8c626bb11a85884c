"""The engine's promise with the kernels switched in: drafted, the same tokens as in torch without.

In float64 the two sum in another order, which decides nothing between logits of a tiny model.
"""

from pathlib import Path
from typing import Any

import pytest

from inference import Engine, EngineConfig, SamplingParams
from inference.speculation.budget import EveryNode
from kernels.dispatch import interpreted
from tests.tiny_models import save_tiny_llama

PROMPTS = [[30 + i % 3 for i in range(11)], [77, 40]]
PARAMS = [
    SamplingParams(max_tokens=5, ignore_eos=True, temperature=0.8 * (number % 2), seed=number)
    for number in range(2)
]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("target"))


def answers(target: Path, **options: Any) -> tuple[list[tuple[int, ...]], dict[str, Any]]:
    config = EngineConfig(
        model=str(target), device="cpu", dtype="float64", num_blocks=32, block_size=4, **options
    )
    engine = Engine(config, budget=EveryNode(["ngram", "draft_model"]))
    outputs = engine.generate(PROMPTS, PARAMS)
    stats = dict(engine.stats())
    engine.close()
    return [out.token_ids for out in outputs], stats


@pytest.mark.parametrize("kv_dtype", ["auto", "int8", "fp8"])
def test_drafted_tokens_are_those_of_torch_without_drafts(target: Path, kv_dtype: str) -> None:
    plain, _ = answers(target, kv_dtype=kv_dtype)

    with interpreted():
        drafted, stats = answers(target, kv_dtype=kv_dtype, speculator="ngram", max_step_tokens=64)

    assert drafted == plain
    assert stats["num_drafted_tokens"] > 0


def test_what_a_model_draws_is_rejected_as_in_torch(target: Path, tmp_path: Path) -> None:
    # Not the tokens of plain decoding: those depend on what was drawn as a draft.
    draft = save_tiny_llama(tmp_path, num_layers=1, seed=5)
    options = {"speculator": str(draft), "verification": "rejection", "max_step_tokens": 64}
    in_torch, _ = answers(target, **options)

    with interpreted():
        on_kernels, stats = answers(target, **options)

    assert on_kernels == in_torch
    assert stats["num_drafted_tokens"] > 0
