"""Promise 1 with the kernels of a GPU: drafts and preemption never show in the output.

Attention, storing, moving and sampling run as Triton kernels in the interpreter, on a model of one
layer, and say what the CPU path says.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference import Engine, EngineConfig, SamplingParams
from inference.speculation.budget import EveryNode
from kernels import (
    attention_tiles,
    move_rows,
    rms_norm,
    rotate_and_store,
    sample,
    sample_match,
    sample_shape,
    swiglu,
)
from kernels.dispatch import interpreted
from tests.laws.planted import PlantedTree
from tests.tiny_models import save_tiny_llama

PROMPTS = [[20, 31, 42, 53, 64], [(7 * at) % 250 + 10 for at in range(18)]]
NUM_NEW = 7
PARAMS = {
    "greedy": SamplingParams(max_tokens=NUM_NEW, ignore_eos=True),
    "sampled": SamplingParams(
        max_tokens=NUM_NEW,
        ignore_eos=True,
        temperature=0.9,
        min_p=0.02,
        seed=5,
        repetition_penalty=1.2,
        logprobs=1,
    ),
}
Answers = list[tuple[int, ...]]
KERNELS = (
    attention_tiles,
    move_rows,
    rms_norm,
    rotate_and_store,
    sample,
    sample_match,
    sample_shape,
    swiglu,
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("triton"), num_layers=1)


class Launches:
    """Counts what is launched, and launches it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        for kernel in KERNELS:
            patch.setattr(kernel, "launch", self._counting(kernel.__name__, kernel.launch))

    def _counting(self, name: str, launch: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            self.counts[name.removeprefix("kernels.")] += 1
            return launch(*args, **named)

        return counted


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Launches]:
    with interpreted():
        yield Launches(monkeypatch)


def engine(target: Path, planted: PlantedTree | None = None, **options: Any) -> Engine:
    own: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 32, "block_size": 4}
    config = EngineConfig(model=str(target), **own | options)
    if planted is None:
        return Engine(config)
    return Engine(config, [planted], EveryNode([planted.name]))


@pytest.fixture(scope="module")
def plain(target: Path) -> dict[str, Answers]:
    """Every prompt alone, on the CPU path."""
    answers: dict[str, Answers] = {}
    for name, params in PARAMS.items():
        one = engine(target)
        answers[name] = [one.generate([prompt], params)[0].token_ids for prompt in PROMPTS]
        one.close()
    return answers


@pytest.mark.parametrize("name", PARAMS)
def test_drafts_never_show(
    target: Path, plain: dict[str, Answers], name: str, launches: Launches
) -> None:
    known = [(tuple(prompt), ids) for prompt, ids in zip(PROMPTS, plain[name], strict=True)]
    planted = PlantedTree(known, p_right=0.7, vocab_size=266)
    one = engine(target, planted, max_draft_tokens=5)
    outputs = one.generate(PROMPTS, PARAMS[name])
    stats = one.stats()
    one.close()

    assert [out.token_ids for out in outputs] == plain[name]
    assert 0 < stats["num_accepted_tokens"] < stats["num_drafted_tokens"]
    assert all(len(out.logprobs) == NUM_NEW * (name == "sampled") for out in outputs)
    assert stats["num_free_blocks"] == 32
    counts = launches.counts
    one_a_step = ("attention_tiles", "rotate_and_store", "swiglu", "sample", "sample_match")
    assert {counts[one] for one in one_a_step} == {stats["num_steps"]}
    assert counts["rms_norm"] >= stats["num_steps"]
    assert counts["move_rows"] > 0
    assert (counts["sample_shape"] > 0) == (name == "sampled")


def test_preemption_changes_nothing(
    target: Path, plain: dict[str, Answers], launches: Launches
) -> None:
    one = engine(target, num_blocks=8, max_step_tokens=12, max_batch=2)
    outputs = one.generate(PROMPTS, PARAMS["greedy"])
    stats = one.stats()
    one.close()

    assert [out.token_ids for out in outputs] == plain["greedy"]
    assert stats["num_preemptions"] > 0
    assert stats["num_free_blocks"] == 8
