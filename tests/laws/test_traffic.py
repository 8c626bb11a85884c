"""Promise 1 in traffic: requests of every kind come, leave, give way and resume at random."""

import random
from pathlib import Path

import pytest

from inference import (
    Engine,
    EngineConfig,
    Exactly,
    FinishReason,
    InvalidRequest,
    RequestOutput,
    SamplingParams,
    TokenChunk,
    Words,
)
from inference.speculation.budget import EveryNode
from tests.laws.planted import PlantedTree

NUM_EVENTS = 60
SCHEMA = """{"type": "object", "required": ["a"], "additionalProperties": false,
    "properties": {"a": {"type": "string", "maxLength": 6}}}"""
KINDS = {
    "plain": SamplingParams(max_tokens=40, ignore_eos=True),
    "one": SamplingParams(max_tokens=1, temperature=0.8, seed=1),
    "stops": SamplingParams(max_tokens=40, temperature=1.3, seed=2, stop=("e", "ab", "\n", "%")),
    "stop ids": SamplingParams(
        max_tokens=40, temperature=1.0, seed=3, stop_token_ids=tuple(range(50, 90)), min_tokens=3
    ),
    "penalised": SamplingParams(
        max_tokens=17, temperature=0.9, seed=4, repetition_penalty=1.3, logit_bias={20: 1.0}
    ),
    "json": SamplingParams(max_tokens=40, temperature=1.0, seed=5, json_schema=SCHEMA),
    "guided": SamplingParams(
        max_tokens=40,
        temperature=1.0,
        seed=6,
        guide=(Words(max_tokens=5), Exactly(" exact text.", quote=True), Words(max_tokens=4)),
    ),
    "logprobs": SamplingParams(max_tokens=17, ignore_eos=True, logprobs=3, priority=1),
    "typing": SamplingParams(max_tokens=0, priority=-10),
}
BODIES = [[random.Random(seed).randrange(10, 266) for _ in range(9)] * 6 for seed in range(3)]
LENGTHS = (1, 16, 17, 32, 48, 54)

Asked = tuple[tuple[int, ...], str]


class Traffic:
    """One engine with a tiny pool, and what each request must say because it says so alone."""

    def __init__(self, target: Path, dice: random.Random, alone: dict[Asked, RequestOutput]):
        self.dice = dice
        self.alone = alone
        self.num_blocks = dice.choice([9, 12, 20])
        planted = dice.choice([False, False, True])
        config = EngineConfig(
            model=str(target),
            device="cpu",
            dtype="float64",
            num_blocks=self.num_blocks,
            speculator=dice.choice([None, "ngram", ("suffix", "ngram")]),
            max_batch=dice.choice([1, 3, 8]),
            max_step_tokens=dice.choice([8, 24, 200]),
            max_draft_tokens=dice.choice([1, 4, 20]),
        )
        self.engine = planted_engine(config, alone) if planted else Engine(config)
        self.asked: dict[str, tuple[Asked, tuple[int, ...]]] = {}
        self.chunks: dict[str, list[TokenChunk]] = {}
        self.num_ended = 0

    def run(self) -> None:
        for _ in range(NUM_EVENTS):
            if self.dice.random() < 0.5:
                self.submit()
            if self.dice.random() < 0.15:
                self.engine.abort(f"r{self.dice.randrange(12)}")
            if self.dice.random() < 0.7:
                self.step()
        while self.engine.has_work:
            self.step()

    def submit(self) -> None:
        prompt = tuple(self.dice.choice(BODIES)[: self.dice.choice(LENGTHS)])
        asked = prompt, self.dice.choice(list(KINDS))
        whole = self.alone[asked].token_ids
        done = whole[: self.dice.randrange(len(whole) + 1)] if self.dice.random() < 0.3 else ()
        name, salt = f"r{self.dice.randrange(12)}", self.dice.choice([b"a", b"b"])
        try:
            self.engine.submit(name, prompt, KINDS[asked[1]], salt=salt, resume_token_ids=done)
        except InvalidRequest:
            return  # still running
        self.asked[name], self.chunks[name] = (asked, done), []

    def step(self) -> None:
        for chunk in self.engine.step():
            self.chunks[chunk.request_id].append(chunk)
            if chunk.finish_reason is not None:
                self.check(chunk.request_id)
        tables = [one.table for one in self.engine._scheduler]
        held = {block for table in tables if table for block in table.block_ids}
        assert len(held) + self.engine.stats()["num_free_blocks"] == self.num_blocks

    def check(self, name: str) -> None:
        (asked, done), chunks = self.asked.pop(name), self.chunks.pop(name)
        expected, reason = self.alone[asked], chunks[-1].finish_reason
        ids = done + tuple(token_id for chunk in chunks for token_id in chunk.token_ids)
        self.num_ended += 1
        if reason is FinishReason.ABORT:
            assert expected.token_ids[: len(ids)] == ids
            return
        assert (ids, reason) == (expected.token_ids, expected.finish_reason), asked
        text = "".join(chunk.text for chunk in chunks)
        assert expected.text.endswith(text) if done else expected.text == text
        logprobs = [one.token_id for chunk in chunks for one in chunk.logprobs]
        wanted = [one.token_id for one in expected.logprobs]
        assert logprobs == wanted[len(wanted) - len(logprobs) :]


def planted_engine(config: EngineConfig, alone: dict[Asked, RequestOutput]) -> Engine:
    """Trees that are right more often than not, for everyone all the time."""
    answers = [(prompt, answer.token_ids) for (prompt, _), answer in alone.items()]
    planted = PlantedTree(answers, 0.7, vocab_size=266)
    return Engine(config, [planted], EveryNode([planted.name]))


@pytest.fixture(scope="module")
def alone(tiny_target: Path) -> dict[Asked, RequestOutput]:
    engine = Engine(EngineConfig(model=str(tiny_target), device="cpu", dtype="float64"))
    prompts = [tuple(body[:length]) for body in BODIES for length in LENGTHS]
    return {
        (prompt, kind): engine.generate([prompt], params)[0]
        for prompt in prompts
        for kind, params in KINDS.items()
    }


@pytest.mark.parametrize("seed", range(12))
def test_everyone_hears_what_he_would_hear_alone(
    tiny_target: Path, alone: dict[Asked, RequestOutput], seed: int
) -> None:
    traffic = Traffic(tiny_target, random.Random(seed), alone)

    traffic.run()

    assert traffic.num_ended > 10
    assert not traffic.asked, "nobody is left without a last chunk"
    assert traffic.engine.stats()["num_free_blocks"] == traffic.num_blocks
    drafting = traffic.engine._loop.drafting
    assert not any(drafting._drafts.values()), "what was kept of ended requests"
    traffic.engine.close()
