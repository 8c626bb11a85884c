"""Promise 1: the text does not depend on drafts, batch, prefix, preemption or interruption."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inference import Engine, EngineConfig, Exactly, FinishReason, SamplingParams, Words
from inference.speculation.budget import EveryNode
from tests.laws.planted import Answers, Planted, PlantedTree

RNG = random.Random(3)
# Repeated stretches, so that prompt lookup has something to find; lengths around block borders.
PROMPTS = [
    [RNG.randrange(10, 266) for _ in range(length)] * 3 for length in (1, 5, 11, 16, 17, 21, 32, 40)
]
PARAMS = {
    "greedy": SamplingParams(max_tokens=48, ignore_eos=True),
    "sampled": SamplingParams(max_tokens=48, ignore_eos=True, temperature=1.0, seed=11),
    "narrow": SamplingParams(
        max_tokens=48, ignore_eos=True, temperature=0.7, top_k=20, top_p=0.9, min_p=0.01, seed=-4
    ),
    "penalised": SamplingParams(
        max_tokens=48,
        ignore_eos=True,
        temperature=0.9,
        repetition_penalty=1.3,
        presence_penalty=0.4,
        frequency_penalty=0.2,
        logit_bias={20: 2.0, 30: -5.0},
        min_tokens=5,
        seed=5,
    ),
    "stops": SamplingParams(max_tokens=48, temperature=1.2, stop=("e", "Q7"), seed=9),
    "json": SamplingParams(
        max_tokens=48,
        temperature=1.0,
        seed=3,
        json_schema="""{"type": "object", "required": ["kind", "count"], "properties":
            {"kind": {"enum": ["order", "refund"]}, "count": {"type": "integer"}}}""",
    ),
    "guided": SamplingParams(
        max_tokens=90,
        temperature=1.0,
        seed=2,
        guide=(
            Words(max_tokens=9),
            Exactly(" A quoted sentence of 12 words.", quote=True),
            Words(),
        ),
    ),
}


Answer = tuple[tuple[int, ...], str, FinishReason]


def engine(target: Path, planted: Sequence[Planted] = (), **options: Any) -> Engine:
    """An engine; planted speculators draft for everyone, whether it pays or not."""
    config: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 256} | options
    if not planted:
        return Engine(EngineConfig(model=str(target), **config))
    budget = EveryNode([one.name for one in planted])
    return Engine(EngineConfig(model=str(target), **config), planted, budget)


def answers(one: Engine, prompts: list[list[int]], params: SamplingParams) -> list[Answer]:
    outputs = one.generate(prompts, params)
    return [(out.token_ids, out.text, out.finish_reason) for out in outputs]


def known(plain: list[Answer]) -> Answers:
    """What a planted speculator knows: each prompt's answer."""
    return [(tuple(prompt), answer[0]) for prompt, answer in zip(PROMPTS, plain, strict=True)]


@pytest.fixture(scope="module")
def plain(tiny_target: Path) -> dict[str, list[Answer]]:
    """Every prompt alone, without speculation, in a pool of its own: what all else must equal."""
    result: dict[str, list[Answer]] = {name: [] for name in PARAMS}
    for name, params in PARAMS.items():
        for prompt in PROMPTS:
            one = engine(tiny_target)
            result[name] += answers(one, [prompt], params)
            one.close()
    return result


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("speculator", [None, "ngram"])
def test_a_batch_says_what_each_would_say_alone(
    tiny_target: Path,
    plain: dict[str, list[Answer]],
    name: str,
    speculator: str | None,
) -> None:
    one = engine(tiny_target, speculator=speculator)
    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    assert one.stats()["num_free_blocks"] == 256
    one.close()


@pytest.mark.parametrize("name", PARAMS)
def test_compiled_kernels_say_the_same(
    tiny_target: Path, plain: dict[str, list[Answer]], name: str
) -> None:
    one = engine(tiny_target, speculator="ngram", compile=True)
    one.finish_compiling()
    assert one._runner._native.kernels is not None, "the tests need a C++ compiler: install g++"
    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    one.close()


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("p_right", [1.0, 0.7, 0.0])
@pytest.mark.parametrize("kind", [Planted, PlantedTree])
def test_drafts_never_show_in_the_output(
    tiny_target: Path,
    plain: dict[str, list[Answer]],
    name: str,
    kind: type[Planted],
    p_right: float,
) -> None:
    one = engine(tiny_target, [kind(known(plain[name]), p_right, vocab_size=266)])
    outputs = one.generate(PROMPTS, PARAMS[name])
    stats = one.stats()
    one.close()

    assert [(out.token_ids, out.text, out.finish_reason) for out in outputs] == plain[name]
    drafted = sum(out.num_drafted_tokens for out in outputs)
    accepted = sum(out.num_accepted_tokens for out in outputs)
    assert stats["num_free_blocks"] == 256
    if p_right == 1.0:
        assert accepted > 0
        assert kind is PlantedTree or accepted == drafted
    elif p_right == 0.0 and name not in ("guided", "json"):  # constraints draft rightly
        assert accepted == 0 < drafted


@pytest.mark.parametrize("name", PARAMS)
def test_merged_drafts_never_show_in_the_output(
    tiny_target: Path, plain: dict[str, list[Answer]], name: str
) -> None:
    answers_known = known(plain[name])
    planted = [
        Planted(answers_known, 0.8, vocab_size=266, name="chain"),
        PlantedTree(answers_known, 0.6, vocab_size=266, name="tree"),
        PlantedTree(answers_known, 0.9, vocab_size=266, name="other", seed=1),
    ]
    one = engine(tiny_target, planted, num_blocks=30, max_step_tokens=64, max_draft_tokens=24)
    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    stats = one.stats()
    one.close()

    assert stats["num_free_blocks"] == 30
    assert all(stats[f"spec.{one.name}.depth1.accepted"] > 0 for one in planted)


@pytest.mark.parametrize("name", PARAMS)
def test_chunked_prompts_and_a_tiny_pool_change_nothing(
    tiny_target: Path, plain: dict[str, list[Answer]], name: str
) -> None:
    one = engine(tiny_target, num_blocks=14, max_step_tokens=24, max_batch=8, speculator="ngram")
    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    stats = one.stats()
    one.close()

    if name == "greedy":
        assert stats["num_preemptions"] > 0
    assert stats["num_free_blocks"] == 14


@pytest.mark.parametrize("name", PARAMS)
def test_a_warm_prefix_gives_what_a_cold_one_gives(
    tiny_target: Path, plain: dict[str, list[Answer]], name: str
) -> None:
    one = engine(tiny_target, speculator="ngram")
    one.generate(PROMPTS, PARAMS[name])
    outputs = one.generate(PROMPTS, PARAMS[name])
    one.close()

    assert [(out.token_ids, out.text, out.finish_reason) for out in outputs] == plain[name]
    expected = [(len(prompt) - 1) // 16 * 16 for prompt in PROMPTS]
    assert [out.num_cached_tokens for out in outputs] == expected


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("num_done", [1, 7, 16, 30])
def test_an_interrupted_answer_goes_on_as_if_it_had_not_been(
    tiny_target: Path,
    plain: dict[str, list[Answer]],
    name: str,
    num_done: int,
) -> None:
    one = engine(tiny_target, speculator="ngram")
    for prompt, (token_ids, text, _) in zip(PROMPTS, plain[name], strict=True):
        done = token_ids[:num_done]
        one.submit("again", prompt, PARAMS[name], resume_token_ids=done)
        chunks = []
        while one.has_work:
            chunks += one.step()
        new_ids = tuple(token_id for chunk in chunks for token_id in chunk.token_ids)
        assert done + new_ids == token_ids
        assert text.endswith("".join(chunk.text for chunk in chunks))
    one.close()
