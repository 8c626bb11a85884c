"""Several tokens from one call are those of single steps, and all laws of a step hold for them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from inference import (
    Engine,
    EngineConfig,
    Exactly,
    FinishReason,
    RequestOutput,
    SamplingParams,
    TokenChunk,
    Words,
)
from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome
from inference.speculation.budget import Budget, EveryNode, Load
from inference.step import ROUNDS_IN_VAIN
from tests.laws.planted import Planted

EVER_S = 60.0
"""No machine is so slow that a call of a few rounds is cut short by this."""
PROMPTS = [[20 + (7 * at + 3 * length) % 200 for at in range(length)] for length in (3, 16, 17, 30)]
GREEDY = SamplingParams(max_tokens=40, ignore_eos=True)
GUIDE = (Words(max_tokens=12), Exactly(" 12 days"), Words(max_tokens=9), Words(max_tokens=1))
WAYS = {
    "greedy": GREEDY,
    "drawn": SamplingParams(max_tokens=40, ignore_eos=True, temperature=1.0, seed=11),
    "narrow": SamplingParams(
        max_tokens=40, ignore_eos=True, temperature=0.8, top_k=20, top_p=0.9, min_p=0.01, seed=-4
    ),
    "stops": SamplingParams(max_tokens=40, temperature=1.3, stop=("e", "Q7"), seed=9),
    "guided": SamplingParams(max_tokens=60, guide=GUIDE),
    "guided and drawn": SamplingParams(
        max_tokens=60, guide=GUIDE, temperature=0.9, top_p=0.95, seed=5
    ),
}


class Nobody(EveryNode):
    """Asks nobody, so that speculators only look on."""

    def ask(self, load: Load) -> frozenset[str]:
        return frozenset()


class Onlooker(Planted):
    """Keeps the states that it is told of, by request and position."""

    wants = FeatureWish(hidden=True, aux_layers=(0, 1))

    def __init__(self) -> None:
        super().__init__([], 0.0, 266)
        self.wants = Onlooker.wants
        self.states: dict[tuple[str, int], torch.Tensor] = {}

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        super().observe(outcomes, features)
        assert features.aux is not None
        for one in outcomes:
            for place, row in enumerate(one.rows):
                both = torch.cat([features.hidden[row], features.aux[row]])
                self.states[one.request_id, one.start + place] = both

    def propose(self, requests: Sequence[DraftRequest]) -> list[Any]:
        raise AssertionError("nobody is asked")


def engine(
    target: Path,
    max_rounds: int,
    speculator: Planted | None = None,
    budget: Budget | None = None,
    **options: Any,
) -> Engine:
    given: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 96, "block_size": 8}
    config = EngineConfig(
        model=str(target), compile=True, max_rounds=max_rounds,
        **{"max_rounds_s": EVER_S} | given | options,
    )  # fmt: skip
    one = Engine(config, [speculator] if speculator else [], budget or Nobody(["planted"]))
    one.finish_compiling()
    assert one._runner.has_rounds(1), "the tests need a C++ compiler: install g++"
    return one


Answer = tuple[tuple[int, ...], str, FinishReason]


def told(outputs: Sequence[RequestOutput]) -> list[Answer]:
    return [(one.token_ids, one.text, one.finish_reason) for one in outputs]


@pytest.fixture(scope="module")
def engines(tiny_target: Path) -> Any:
    """One that takes single steps, one that takes up to seven rounds in each."""
    both = engine(tiny_target, 1), engine(tiny_target, 7)
    yield both
    for one in both:
        assert one.stats()["num_free_blocks"] == 96
        one.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", [{}, {"block_size": 4}, {"kv_dtype": "int8"}], ids=str)
def test_rounds_say_what_single_steps_say(
    tiny_target: Path, way: str, options: dict[str, Any]
) -> None:
    dtype: dict[str, Any] = {"dtype": "float32"} if options.get("kv_dtype") else {}
    single, several = (engine(tiny_target, most, **options, **dtype) for most in (1, 5))

    for prompts in (PROMPTS[:1], PROMPTS):
        assert told(several.generate(prompts, WAYS[way])) == told(
            single.generate(prompts, WAYS[way])
        )
    if way != "stops":  # a stop string is only seen when the call is over
        assert several.stats()["num_steps"] == single.stats()["num_steps"]
    single.close()
    several.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    prompt=st.lists(st.integers(20, 260), min_size=1, max_size=40),
    seed=st.integers(0, 5),
    max_tokens=st.integers(1, 30),
    stop_at=st.integers(0, 29),
    stop=st.sampled_from(["", "token", "text"]),
    temperature=st.sampled_from([0.0, 1.0]),
)
def test_every_end_is_where_single_steps_end(
    engines: tuple[Engine, Engine],
    prompt: list[int],
    seed: int,
    max_tokens: int,
    stop_at: int,
    stop: str,
    temperature: float,
) -> None:
    """Stop tokens and stop strings that are known to come, at any place in a round."""
    single, several = engines
    wanted: dict[str, Any] = {"seed": seed, "temperature": temperature, "max_tokens": max_tokens}
    (free,) = single.generate([prompt], SamplingParams(ignore_eos=True, **wanted))
    if stop == "token":
        wanted["stop_token_ids"] = (free.token_ids[min(stop_at, max_tokens - 1)],)
    elif stop == "text" and free.text[stop_at : stop_at + 2]:
        wanted["stop"] = (free.text[stop_at : stop_at + 2],)
    params = SamplingParams(**wanted)

    assert told(several.generate([prompt], params)) == told(single.generate([prompt], params))


def chunks_of(one: Engine, request_id: str, steps: int) -> list[TokenChunk]:
    return [chunk for _ in range(steps) for chunk in one.step() if chunk.request_id == request_id]


def test_a_call_gives_as_many_tokens_as_it_may(tiny_target: Path) -> None:
    one = engine(tiny_target, 7)
    one.submit("a", PROMPTS[0], SamplingParams(max_tokens=20, ignore_eos=True))

    lengths = [len(chunk.token_ids) for chunk in chunks_of(one, "a", 4)]

    assert lengths == [1, 7, 7, 5]
    assert one.stats()["num_steps"] == 20
    assert one.stats()["tokens_per_step"] == 1.0
    one.close()


def test_the_words_of_a_guide_come_several_to_a_call(tiny_target: Path) -> None:
    """Until the last that a sentence may have, or one that ends it."""
    one = engine(tiny_target, 7, max_draft_tokens=0)
    guide = (Words(max_tokens=10), Exactly(" 12 days"))
    chunks: list[TokenChunk] = []
    for seed in range(8):
        one.submit(
            "a", PROMPTS[0], SamplingParams(max_tokens=60, guide=guide, temperature=1.0, seed=seed)
        )
        while one.has_work:
            chunks += one.step()

    words = [len(chunk.token_ids) for chunk in chunks if chunk.segment == 0]
    copies = [len(chunk.token_ids) for chunk in chunks if chunk.segment == 1]
    assert max(words) == 7 and set(copies) == {1}
    one.close()


class Silent(Planted):
    """Is asked and never knows anything, but for one place."""

    def __init__(self, knows_at: int) -> None:
        super().__init__([], 0.0, 266)
        self._knows_at = knows_at

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        known = len(requests[0].token_ids) == self._knows_at
        return [
            Draft.chain([30, 31], [0.9, 0.9]) if known else Draft.chain([], []) for _ in requests
        ]


def test_who_was_asked_in_vain_is_asked_again_after_a_few_rounds(tiny_target: Path) -> None:
    plain, asked = (
        engine(tiny_target, 1),
        engine(tiny_target, 7, Silent(3 + 4), EveryNode(["planted"])),
    )
    expected = told(plain.generate(PROMPTS[:1], GREEDY))
    asked.submit("a", PROMPTS[0], GREEDY)

    lengths = [len(chunk.token_ids) for chunk in chunks_of(asked, "a", 5)]

    assert lengths[:2] == [1, ROUNDS_IN_VAIN]
    assert lengths[2] <= 3  # what was drafted there, verified in one step
    assert lengths[3] == ROUNDS_IN_VAIN
    asked.abort("a")
    assert told(asked.generate(PROMPTS[:1], GREEDY)) == expected
    plain.close()
    asked.close()


def test_no_time_means_single_steps(tiny_target: Path) -> None:
    one = engine(tiny_target, 7, max_rounds_s=0.0)
    one.submit("a", PROMPTS[0], GREEDY)

    assert [len(chunk.token_ids) for chunk in chunks_of(one, "a", 5)] == [1] * 5
    one.close()


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(max_tokens=9, ignore_eos=True, logprobs=2),
        SamplingParams(max_tokens=9, ignore_eos=True, repetition_penalty=1.2),
        SamplingParams(max_tokens=9, min_tokens=9),
        SamplingParams(max_tokens=9, ignore_eos=True, logit_bias={30: 1.0}),
        SamplingParams(max_tokens=9, json_schema='{"type": "boolean"}'),
    ],
)
def test_what_wants_more_than_logits_takes_single_steps(
    tiny_target: Path, params: SamplingParams
) -> None:
    one, most = engine(tiny_target, 7), 0
    one.submit("a", PROMPTS[0], params)

    while one.has_work:
        most = max([most, *(len(c.token_ids) - sum(map(bool, c.drafted_by)) for c in one.step())])

    assert most == 1
    one.close()


def test_while_somebody_waits_nobody_runs_on(tiny_target: Path) -> None:
    one = engine(tiny_target, 7, max_batch=1, max_step_tokens=64)
    one.submit("a", PROMPTS[0], SamplingParams(max_tokens=6, ignore_eos=True))
    one.submit("b", PROMPTS[1], SamplingParams(max_tokens=9, ignore_eos=True))

    assert [len(chunk.token_ids) for chunk in chunks_of(one, "a", 6)] == [1] * 6
    assert [len(chunk.token_ids) for chunk in chunks_of(one, "b", 3)] == [1, 7, 1]
    one.close()


def test_whoever_comes_or_goes_does_so_at_the_next_step(tiny_target: Path) -> None:
    one = engine(tiny_target, 7)
    alone = told(one.generate(PROMPTS[:2], GREEDY))
    one.submit("a", PROMPTS[0], GREEDY)
    first = chunks_of(one, "a", 2)
    one.submit("b", PROMPTS[1], GREEDY)

    both = one.step()  # a prompt beside a decode
    one.abort("a")
    gone = one.step()
    rest = [chunk for _ in range(6) for chunk in one.step()]

    assert {chunk.request_id: len(chunk.token_ids) for chunk in both} == {"a": 1, "b": 1}
    assert gone[0].request_id == "a" and gone[0].finish_reason is FinishReason.ABORT
    ids = [token_id for chunk in (*first, both[0]) for token_id in chunk.token_ids]
    assert tuple(ids) == alone[0][0][:9]
    other = [one for one in (*both, *gone, *rest) if one.request_id == "b"]
    assert tuple(token_id for one in other for token_id in one.token_ids) == alone[1][0]
    assert one.stats()["num_free_blocks"] == 96
    one.close()


def test_a_pool_that_is_too_small_changes_nothing(tiny_target: Path) -> None:
    single, several = (engine(tiny_target, most, num_blocks=14) for most in (1, 6))

    expected, got = (told(one.generate(PROMPTS, GREEDY)) for one in (single, several))

    assert got == expected
    assert several.stats()["num_preemptions"] > 0
    assert several.stats()["num_free_blocks"] == 14
    single.close()
    several.close()


def test_the_last_free_slots_are_used_and_no_more(tiny_target: Path) -> None:
    one = engine(tiny_target, 7, num_blocks=2)  # 16 slots, of which the answer fills all
    (out,) = one.generate([PROMPTS[0]], SamplingParams(max_tokens=13, ignore_eos=True))

    assert len(out.token_ids) == 13
    assert one.stats()["num_free_blocks"] == 2
    one.close()


def test_an_answer_of_rounds_is_found_in_the_cache(engines: tuple[Engine, Engine]) -> None:
    """Its blocks are known by the same prefix and hold the same numbers."""
    outputs = []
    for one in engines:
        prompt = [77, 78, 79, *PROMPTS[3]]
        (out,) = one.generate([prompt], GREEDY, salt=b"own")
        again = [*prompt, *out.token_ids, 99]
        outputs.append((out, *one.generate([again], GREEDY, salt=b"own")))

    assert told(outputs[0]) == told(outputs[1])
    assert [one.num_cached_tokens for one in outputs[1]] == [0, 72]


def test_whoever_looks_on_is_told_the_same(tiny_target: Path) -> None:
    seen = []
    for most in (1, 6):
        onlooker = Onlooker()
        one = engine(tiny_target, most, onlooker)
        one.generate(PROMPTS, WAYS["stops"])
        one.close()
        seen.append(onlooker.states)

    assert seen[0].keys() == seen[1].keys()
    assert all(torch.equal(seen[0][at], seen[1][at]) for at in seen[0])


@pytest.fixture(scope="module")
def poisoned(tiny_target: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A model in which one token of the first prompt's answer has no numbers, and its place."""
    one = engine(tiny_target, 1)
    ids = one.generate(PROMPTS[:1], GREEDY)[0].token_ids
    one.close()
    place = next(at for at in range(4, 40) if ids[at] not in (*ids[:at], *PROMPTS[0]))
    folder = shutil.copytree(tiny_target, tmp_path_factory.mktemp("poisoned") / "target")
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][ids[place]] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder, place


def test_what_is_no_number_ends_one_answer_where_single_steps_do(
    poisoned: tuple[Path, int],
) -> None:
    folder, place = poisoned
    results = []
    for most in (1, 7):
        one = engine(folder, most)
        outputs = one.generate(PROMPTS, GREEDY)
        results.append([(out.token_ids, out.finish_reason, out.error) for out in outputs])
        assert one.stats()["num_free_blocks"] == 96
        one.close()

    assert results[0] == results[1]
    assert len(results[1][0][0]) == place + 1 and results[1][0][1] is FinishReason.ERROR
