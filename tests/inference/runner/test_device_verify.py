"""What is decided on a device is what the CPU path decides, parameter by parameter."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference import Engine, EngineConfig
from inference.batch import Offer, Part, Tree, Verdict
from inference.constraints.base import NOTHING_AHEAD, Ahead, Bias, Constraint
from inference.request import SamplingParams
from inference.runner.device_verify import decide
from inference.sequence import Sequence
from inference.speculation.verify import verify
from inference.text import AnswerText
from kernels.dispatch import interpreted
from tests.tiny_models import save_tiny_llama

VOCAB = 37
SOUND = torch.ones(3, dtype=torch.bool)


class Cycle:
    """A constraint over a counter: every third token is forced, the others are of two classes."""

    start = 0
    max_tokens = None

    def is_done(self, state: int) -> bool:
        return state >= 5

    def forced(self, state: int) -> tuple[int, ...]:
        return (11, 12) if state % 3 == 2 else ()

    def allowed(self, state: int) -> torch.Tensor:
        return torch.arange(VOCAB) % 2 == state % 2

    def ahead(self, state: int) -> Ahead:
        return NOTHING_AHEAD

    def bias(self, state: int) -> Bias | None:
        return Bias(torch.tensor([3, 4]), torch.tensor([5.0, 6.0], dtype=torch.float64))

    def permits(self, state: int, token_id: int) -> bool:
        return True

    def advance(self, state: int, token_id: int) -> int:
        return state + 1

    def segment(self, state: int) -> None:
        return None

    def choice(self, state: int) -> None:
        return None


PARAMS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sampled": {"temperature": 0.9, "seed": 4, "top_k": 12, "top_p": 0.9, "min_p": 0.01},
    "penalised": {
        "temperature": 0.7,
        "repetition_penalty": 1.4,
        "presence_penalty": 0.3,
        "frequency_penalty": 0.2,
        "logit_bias": {5: 3.0, 6: -2.0},
        "min_tokens": 6,
        "logprobs": 3,
    },
    "greedy and penalised": {"repetition_penalty": 1.2, "min_tokens": 20, "logprobs": 0},
}


def part(params: SamplingParams, constraint: Constraint | None, logits: torch.Tensor) -> Part:
    """A request with a tree of drafts below its last token, some of it what it will draw."""
    rng = random.Random(7)
    tokens = [rng.randrange(VOCAB) for _ in range(9)]
    sequence = Sequence(
        request_id="one",
        params=params,
        token_ids=tokens,
        num_prompt=5,
        salt=b"",
        seed=params.seed or 3,
        arrival=0,
        text=AnswerText(None, ()),
        constraint=constraint,
        stop_ids=frozenset({0, 1}),
        max_output=40,
        deadline=None,
    )
    bare = Part(sequence, start=8, num_known=1, draft_room=9)
    first = verify([bare], logits[:1])[0].token_ids[0]
    ids, parents = (first, 20, first, 3), (-1, -1, 0, 2)
    states = () if constraint is None else (1, 1, 2, 3)
    bare.tree = Tree(ids, parents, ("test",) * 4, states)
    return bare


def decided(parts: list[Part], logits: torch.Tensor) -> list[Verdict]:
    with interpreted():
        verdicts, is_sound = decide(parts, logits.clone(), SOUND).wait()
    assert is_sound == [True] * 3
    return verdicts


@pytest.mark.parametrize("constraint", [None, Cycle()])
def test_the_device_decides_what_the_cpu_decides(constraint: Constraint | None) -> None:
    logits = 3 * torch.randn(4 * 5, VOCAB, generator=torch.Generator().manual_seed(5))
    parts = [
        part(SamplingParams(max_tokens=40, **options), constraint, logits[5 * at : 5 * at + 1])
        for at, options in enumerate(PARAMS.values())
    ]
    expected = verify(parts, logits.clone())

    for own, truth in zip(decided(parts, logits), expected, strict=True):
        assert (own.token_ids, own.path) == (truth.token_ids, truth.path)
        assert len(own.logprobs) == len(truth.logprobs)
        for one, other in zip(own.logprobs, truth.logprobs, strict=True):
            assert one.token_id == other.token_id
            assert one.logprob == pytest.approx(other.logprob, abs=1e-9)
            assert one.top == pytest.approx(other.top, abs=1e-9)
    assert any(len(truth.token_ids) > 1 for truth in expected), "no draft was accepted"


def drawn_chain(one: Part, logits: torch.Tensor, generator: torch.Generator) -> Part:
    """The same request with a chain drawn from laws near its own, and a token that is forbidden."""
    noise = torch.randn(4, VOCAB - 5, generator=generator)
    laws = (logits[:, : VOCAB - 5] + noise).double().softmax(-1)
    ids = laws.multinomial(1, generator=generator)[:, 0].tolist()
    states = () if one.sequence.constraint is None else (1, 2, 3)
    offers = tuple(Offer(*each) for each in zip(ids, laws, strict=True))
    one.tree = Tree(tuple(ids[:3]), (-1, 0, 1), ("test",) * 3, states, offers)
    return one


@pytest.mark.parametrize("constraint", [None, Cycle()])
def test_what_was_drawn_is_kept_or_replaced_as_on_the_cpu(constraint: Constraint | None) -> None:
    generator = torch.Generator().manual_seed(8)
    logits = 2 * torch.randn(12 * 4 + 5, VOCAB, generator=generator)
    params = [
        SamplingParams(max_tokens=40, **options | {"seed": seed})
        for seed in range(3)
        for options in PARAMS.values()
    ]
    parts = []
    for at, one in enumerate(params):
        own = logits[4 * at : 4 * at + 4]
        parts.append(drawn_chain(part(one, constraint, own[:1]), own, generator))
    parts.append(part(params[1], constraint, logits[48:49]))  # beside them a tree that was chosen
    expected = [(one.token_ids, one.path) for one in verify(parts, logits.clone())]

    assert [(one.token_ids, one.path) for one in decided(parts, logits)] == expected

    assert {0, 1} <= {len(path) for _, path in expected}
    for each in parts:
        each.tree = replace(each.tree, offers=())
    assert [(one.token_ids, one.path) for one in decided(parts, logits)] != expected


def test_a_request_without_a_possible_token_is_told() -> None:
    class Nothing(Cycle):
        def allowed(self, state: int) -> torch.Tensor:
            return torch.zeros(VOCAB, dtype=torch.bool)

    logits = torch.randn(5, VOCAB)
    stuck = part(SamplingParams(max_tokens=40), Cycle(), logits[:1])
    stuck.sequence.constraint = Nothing()
    with pytest.raises(ValueError, match="every token is excluded"):
        decided([stuck], logits)


def test_what_can_be_done_meanwhile_is_done_before_the_wait(tmp_path: Path) -> None:
    one = Engine(
        EngineConfig(model=str(save_tiny_llama(tmp_path, num_layers=1)), device="cpu", max_batch=1)
    )
    params = SamplingParams(max_tokens=2, ignore_eos=True)
    for name in ("first", "second"):
        one.submit(name, [*range(20, 60)], params)
    with interpreted():
        one.step()
    waiting = next(each for each in one._scheduler if each.request_id == "second")
    assert waiting.prefix is not None
    assert len(waiting.prefix.known_blocks) == 39 // 16
    one.close()
