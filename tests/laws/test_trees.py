"""Trees of drafts leave nothing behind: no key or value, no shared block, no one else's room."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from inference import Engine, EngineConfig, FinishReason, SamplingParams, TokenChunk
from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome
from inference.speculation.budget import EveryNode
from tests.laws.planted import Answers, Planted, PlantedTree

BLOCK = 16
PROMPTS = [
    [20 + (7 * at + 13 * length) % 240 for at in range(length)] for length in (3, 17, 30, 48)
]
PARAMS = SamplingParams(max_tokens=40, ignore_eos=True, temperature=0.8, seed=6)


class Witness:
    """Drafts nothing, and writes down what it is told of every position."""

    name = "witness"
    wants = FeatureWish(hidden=True, aux_layers=(0,))

    def __init__(self) -> None:
        self.states: dict[str, dict[int, torch.Tensor]] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        return [Draft()] * len(requests)

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        assert features.aux is not None
        both = torch.cat([features.hidden, features.aux], 1)
        for one in outcomes:
            known = self.states.setdefault(one.request_id, {})
            assert one.start == len(known), "a position is told once, and none is left out"
            for position, row in enumerate(one.rows, start=one.start):
                known[position] = both[row].clone()

    def forget(self, request_id: str) -> None:
        pass


def engine(target: Path, *planted: Any, **options: Any) -> Engine:
    config: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 64} | options
    budget = EveryNode([one.name for one in planted])
    return Engine(EngineConfig(model=str(target), **config), planted, budget)


@pytest.fixture(scope="module")
def answers(tiny_target: Path) -> Answers:
    plain = engine(tiny_target)
    outputs = plain.generate(PROMPTS, PARAMS)
    plain.close()
    return [(tuple(one), out.token_ids) for one, out in zip(PROMPTS, outputs, strict=True)]


def run(one: Engine, prompts: Sequence[Sequence[int]]) -> list[TokenChunk]:
    for index, prompt in enumerate(prompts):
        one.submit(f"r{index}", prompt, PARAMS)
    chunks: list[TokenChunk] = []
    while one.has_work:
        chunks += one.step()
    return chunks


def test_speculators_are_told_what_plain_decoding_would_tell_them(
    tiny_target: Path, answers: Answers
) -> None:
    plain, drafted = Witness(), Witness()
    run(engine(tiny_target, plain, max_step_tokens=64), PROMPTS)

    chunks = run(engine(tiny_target, drafted, PlantedTree(answers, 0.7, 266)), PROMPTS)

    assert any(name == "planted" for chunk in chunks for name in chunk.drafted_by)
    assert plain.states.keys() == drafted.states.keys()
    for name, states in plain.states.items():
        assert states.keys() == drafted.states[name].keys()
        for position, state in states.items():
            torch.testing.assert_close(drafted.states[name][position], state, rtol=0, atol=1e-9)


def test_keys_and_values_are_those_of_plain_decoding(tiny_target: Path, answers: Answers) -> None:
    plain = computed(engine(tiny_target))

    drafted = computed(engine(tiny_target, PlantedTree(answers, 0.7, 266), max_draft_tokens=24))

    assert plain.keys() == drafted.keys()
    for name, rows in plain.items():
        shortest = min(rows.shape[2], drafted[name].shape[2])
        assert shortest > 20
        torch.testing.assert_close(
            drafted[name][:, :, :shortest], rows[:, :, :shortest], rtol=0, atol=1e-9
        )


def computed(one: Engine) -> dict[str, torch.Tensor]:
    """Each request's computed keys and values [L, 2, P, G, D], as last seen between two steps."""
    for index, prompt in enumerate(PROMPTS):
        one.submit(f"r{index}", prompt, PARAMS)
    rows: dict[str, torch.Tensor] = {}
    while one.has_work:
        one.step()
        flat = one._runner._cache.flatten(2, 3)
        for sequence in one._scheduler:
            if sequence.table is not None:
                slots = sequence.table.slots(0, sequence.num_computed)
                rows[sequence.request_id] = flat[:, :, slots].clone()
    return rows


def test_no_block_is_shared_that_holds_what_was_never_said(
    tiny_target: Path, answers: Answers
) -> None:
    one = engine(tiny_target, PlantedTree(answers, 0.5, 266), max_draft_tokens=30)
    said = [(*prompt, *answer) for prompt, answer in answers]
    for index, prompt in enumerate(PROMPTS):
        one.submit(f"r{index}", prompt, PARAMS)

    while one.has_work:
        one.step()
        blocks = list(one._scheduler.cache._prefixes._by_block.values())
        chains = {block.serial: block for block in blocks}
        for block in blocks:
            ids = block.token_ids
            while block.parent_serial in chains:
                block = chains[block.parent_serial]
                ids = block.token_ids + ids
            assert any(whole[: len(ids)] == ids for whole in said)

    assert len(blocks) > 10
    one.close()


def test_a_draft_preempts_nobody_and_keeps_nobody_waiting(
    tiny_target: Path, answers: Answers
) -> None:
    blocks = sum(-(-(len(prompt) + 40) // BLOCK) for prompt in PROMPTS)
    plain, drafted = (
        engine(tiny_target, *planted, num_blocks=blocks)
        for planted in ((), (PlantedTree(answers, 0.3, 266),))
    )

    for one in (plain, drafted):
        for index, prompt in enumerate(PROMPTS):
            one.submit(f"r{index}", prompt, PARAMS)
        one.step()
        assert one.stats()["num_running"] == len(PROMPTS)
        while one.has_work:
            one.step()
        assert one.stats()["num_preemptions"] == 0
        assert one.stats()["num_free_blocks"] == blocks
    assert drafted.stats()["num_accepted_tokens"] > 0


@pytest.mark.parametrize("max_tokens", [1, 2, 7, 16])
def test_an_answer_ends_in_the_middle_of_what_was_accepted(
    tiny_target: Path, answers: Answers, max_tokens: int
) -> None:
    one = engine(tiny_target, Planted(answers, 1.0, 266), max_draft_tokens=30)
    prompt, answer = answers[2]
    params = SamplingParams(
        max_tokens=max_tokens, ignore_eos=True, temperature=0.8, seed=6, logprobs=1
    )

    out = one.generate([list(prompt)], params)[0]

    assert out.token_ids == tuple(answer[:max_tokens])
    assert [entry.token_id for entry in out.logprobs] == list(answer[:max_tokens])
    assert out.num_steps == 1
    one.close()


def test_a_stop_in_the_middle_of_what_was_accepted_ends_everything_there(
    tiny_target: Path, answers: Answers
) -> None:
    prompt, answer = answers[1]
    stop = answer[11]
    params = msgspec.structs.replace(PARAMS, stop_token_ids=(stop,))
    one = engine(tiny_target, Planted(answers, 1.0, 266), max_draft_tokens=30)
    one.submit("r", list(prompt), params)

    chunks: list[TokenChunk] = []
    while one.has_work:
        chunks += one.step()

    ids = [token_id for chunk in chunks for token_id in chunk.token_ids]
    assert ids == list(answer[: list(answer).index(stop) + 1])
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert sum(len(chunk.drafted_by) for chunk in chunks) == len(ids)
    one.close()


def test_each_token_names_who_had_drafted_it(tiny_target: Path, answers: Answers) -> None:
    planted = [Planted(answers, 1.0, 266, name="one"), Planted(answers, 0.5, 266, name="two")]
    one = engine(tiny_target, *planted, max_draft_tokens=4)

    chunks = [chunk for chunk in run(one, PROMPTS[:1]) if chunk.token_ids]

    for chunk in chunks:
        assert len(chunk.drafted_by) == len(chunk.token_ids) == len(chunk.text_lens)
        assert sum(chunk.text_lens) == len(chunk.text)
        *drafted, own = chunk.drafted_by
        assert set(drafted) <= {"one", "one+two"}
        assert own is None
    names = {name for chunk in chunks for name in chunk.drafted_by}
    assert names == {"one", "one+two", None}
    one.close()


def test_a_speculator_that_fails_is_left_out_and_nothing_else_changes(
    tiny_target: Path, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Planted):
        def draft(self, request: DraftRequest, right: Sequence[int]) -> Draft:
            if len(request.token_ids) > 40:
                raise RuntimeError("out of guesses")
            return super().draft(request, right)

    one = engine(tiny_target, Broken(answers, 0.9, 266))
    outputs = one.generate(PROMPTS, PARAMS)

    assert [out.token_ids for out in outputs] == [answer for _, answer in answers]
    failures = [record for record in caplog.records if "drafts no more" in record.message]
    assert len(failures) == 1
    one.close()
