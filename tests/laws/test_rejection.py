"""Rejection sampling: drafts drawn from another law leave the target's joint law as it is."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from inference import Engine, EngineConfig, InvalidConfig, SamplingParams
from inference.speculation.budget import EveryNode, Load
from tests.laws import test_joint_law as truth

target, logits = truth.target, truth.logits
Laws = dict[tuple[int, ...], torch.Tensor]
NAMES = ["draft_model"]


class Changing(EveryNode):
    """Grants another number of tokens at each step, whatever they are."""

    def __init__(self) -> None:
        super().__init__(NAMES)
        self._random = random.Random(7)

    def grant(self, load: Load, survivals: Sequence[float]) -> int:
        return self._random.randint(0, len(survivals))


BUDGETS = {"all": lambda: EveryNode(NAMES), "changing": Changing}


@pytest.fixture(scope="module")
def draft(target: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the same vocabulary whose law is another."""
    folder = tmp_path_factory.mktemp("draft")
    torch.manual_seed(2)
    LlamaForCausalLM(LlamaConfig.from_pretrained(target, initializer_range=0.5)).save_pretrained(
        folder
    )
    return folder


def engine(target: Path, draft: Path, budget: EveryNode, verification: str) -> Engine:
    config = EngineConfig(
        model=str(target),
        speculator=str(draft),
        device="cpu",
        dtype="float64",
        num_blocks=256,
        verification=verification,
    )
    return Engine(config, budget=budget)


def answers(one: Engine, params: SamplingParams) -> list[tuple[int, ...]]:
    drawn: list[tuple[int, ...]] = []
    for first in range(0, truth.NUM_DRAWS, 60):
        seeded = [truth._seeded(params, seed) for seed in range(first, first + 60)]
        drawn += [out.token_ids for out in one.generate([truth.PROMPT] * 60, seeded)]
    return drawn


@pytest.mark.parametrize("kind", truth.KINDS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_answers_follow_the_joint_law_of_the_target(
    target: Path, draft: Path, logits: Laws, kind: str, budget: str
) -> None:
    one = engine(target, draft, BUDGETS[budget](), "rejection")

    drawn = answers(one, truth.KINDS[kind])

    found, point = truth.statistic(drawn, truth.law_of(logits, truth.KINDS[kind]))
    assert found < point
    stats = one.stats()
    assert 0 < stats["num_accepted_tokens"] < stats["num_drafted_tokens"] or kind == "grammar"
    one.close()


def test_a_draft_of_the_same_law_is_always_kept(target: Path) -> None:
    hot = SamplingParams(max_tokens=24, temperature=1.5, top_p=0.95, ignore_eos=True)
    kept = {}
    for verification in ("match", "rejection"):
        one = engine(target, target, EveryNode(NAMES), verification)
        seeded = [truth._seeded(hot, seed) for seed in range(8)]
        one.generate([truth.PROMPT] * 8, seeded)
        stats = one.stats()
        kept[verification] = stats["num_accepted_tokens"] / stats["num_drafted_tokens"]
        one.close()

    assert kept["rejection"] == 1.0
    assert kept["match"] < 0.5


def test_greedy_answers_are_the_same_as_without_drafts(target: Path, draft: Path) -> None:
    greedy = SamplingParams(max_tokens=20, ignore_eos=True, repetition_penalty=1.2)
    drafting = engine(target, draft, EveryNode(NAMES), "rejection")
    plain = Engine(EngineConfig(model=str(target), device="cpu", dtype="float64", num_blocks=256))

    ours, theirs = (one.generate([truth.PROMPT], greedy)[0] for one in (drafting, plain))

    assert ours.token_ids == theirs.token_ids
    assert ours.num_drafted_tokens > 0
    drafting.close()
    plain.close()


def test_the_same_drafts_and_seed_give_the_same_answer(target: Path, draft: Path) -> None:
    hot = SamplingParams(max_tokens=20, temperature=1.3, seed=5, ignore_eos=True)

    twice = []
    for _ in range(2):
        one = engine(target, draft, EveryNode(NAMES), "rejection")
        twice.append(one.generate([truth.PROMPT], hot)[0].token_ids)
        one.close()

    assert twice[0] == twice[1]


@pytest.mark.parametrize("speculator", [None, "ngram"])
def test_without_a_draft_model_there_is_nothing_to_reject(
    target: Path, speculator: str | None
) -> None:
    config = EngineConfig(
        model=str(target), speculator=speculator, device="cpu", verification="rejection"
    )

    with pytest.raises(InvalidConfig, match="needs the draws of one draft model"):
        Engine(config)
    with pytest.raises(InvalidConfig, match="verification: 'typical' is none of match, rejection"):
        EngineConfig(model=str(target), verification="typical")
