"""Who wants a request's latest outcome only is told it in time, and not more."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from inference import Engine, EngineConfig, SamplingParams
from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome
from inference.speculation.budget import EveryNode, Load
from tests.laws.planted import check

EVERY, NUM_TOKENS = 5, 30
PROMPTS = (list(range(40, 60)), list(range(20, 30)), [50 + at % 7 for at in range(100)])


class Seldom(EveryNode):
    """Asks in one step of five."""

    num_steps = 0

    def ask(self, load: Load) -> frozenset[str]:
        self.num_steps += 1
        return super().ask(load) if self.num_steps % EVERY == 0 else frozenset()


class Listener:
    """Drafts what is hardly ever right, and notes what it was told before."""

    name = "listener"

    def __init__(self, only_latest: bool, fails: bool = False) -> None:
        self.wants = FeatureWish(hidden=True, only_latest=only_latest)
        self._fails = fails
        self.num_told = self.num_asked = 0
        self.lens: dict[str, int] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        for request in requests:
            if request.request_id in self.lens:
                self.num_asked += 1
                assert self.lens[request.request_id] == len(request.token_ids)
        return [Draft.chain([one.token_ids[-1], 7], [0.5, 0.5]) for one in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        if self._fails:
            raise ValueError("deaf")
        for one in outcomes:
            check(one, features)
            self.num_told += 1
            self.lens[one.request_id] = len(one.token_ids)

    def forget(self, request_id: str) -> None:
        self.lens.pop(request_id, None)


def run(target: Path, listener: Listener) -> tuple[Engine, list[tuple[int, ...]]]:
    config = EngineConfig(
        model=str(target),
        device="cpu",
        dtype="float64",
        num_blocks=256,
        max_batch=8,
        max_step_tokens=72,
    )
    engine = Engine(config, speculators=[listener], budget=Seldom([listener.name]))
    params = SamplingParams(max_tokens=NUM_TOKENS, ignore_eos=True)
    answers = engine.generate([list(one) for one in PROMPTS], params)
    engine.close()
    return engine, [one.token_ids for one in answers]


def test_the_latest_is_told_before_each_draft_and_what_is_overtaken_is_not(
    tiny_target: Path,
) -> None:
    always, latest = Listener(only_latest=False), Listener(only_latest=True)

    _, told = run(tiny_target, always)
    _, untold = run(tiny_target, latest)

    assert told == untold
    assert latest.num_asked == always.num_asked > 10
    assert latest.num_told < always.num_told / 3
    assert not latest.lens  # nothing is told of who has ended


@pytest.mark.parametrize("only_latest", [False, True])
def test_who_cannot_be_told_drafts_no_more(tiny_target: Path, only_latest: bool) -> None:
    deaf = Listener(only_latest, fails=True)

    engine, answers = run(tiny_target, deaf)

    assert all(len(answer) == NUM_TOKENS for answer in answers)
    assert engine.stats()["num_accepted_tokens"] == 0
    assert deaf.num_asked == 0
