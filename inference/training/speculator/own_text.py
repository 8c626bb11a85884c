"""Text that the base writes itself, with the states it was written from.

The engine answers prompts in large batches, some greedily and some sampled, and a speculator that
never drafts keeps the states it is shown: what a speculator will have to start from, at no cost.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import torch

from inference.config import EngineConfig
from inference.engine import Engine
from inference.request import SamplingParams
from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome
from inference.training.speculator.conversations import Asked
from inference.training.speculator.windows import TextStore, Written

BATCH: Final = 128
STEP_TOKENS: Final = 1024
BLOCK_SIZE: Final = 16

GREEDY: Final = SamplingParams()
# Every prompt is answered in each: greedily, as the product draws, and as the recipe does
# (temperature 1, top-k 10). From the second time on its keys and values are in the cache.
MANNERS: Final = (
    GREEDY,
    SamplingParams(temperature=0.6),
    SamplingParams(temperature=1.0, top_k=10),
    SamplingParams(temperature=0.8),
    SamplingParams(temperature=1.0, top_k=10),
)


class StateRecorder:
    """A speculator that only watches: the state behind each token that was drawn."""

    name = "recorder"
    wants = FeatureWish(hidden=True)

    def __init__(self) -> None:
        self._states: dict[str, dict[int, torch.Tensor]] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        return [Draft() for _ in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        drew = [one for one in outcomes if len(one.token_ids) > one.start + len(one.rows)]
        if not drew:
            return
        states = features.hidden[[one.rows[-1] for one in drew]].float().cpu()
        for one, state in zip(drew, states, strict=True):
            kept = self._states.setdefault(one.request_id, {})
            kept[one.start + len(one.rows) - 1] = state

    def forget(self, request_id: str) -> None:
        """Nothing: a request that is preempted comes back, and what it drew stays true."""

    def take(self, request_id: str, first: int, count: int) -> torch.Tensor:  # [count, W]
        """The states of `count` positions from `first` on, which are then dropped."""
        kept = self._states.pop(request_id)
        return torch.stack([kept[position] for position in range(first, first + count)])


@dataclass
class Writer:
    """The base behind the engine, with room for a batch of prompts."""

    base: Path
    device: str
    max_prompt: int
    max_answer: int
    recorder: StateRecorder = field(default_factory=StateRecorder)

    def __post_init__(self) -> None:
        blocks_each = -(-(self.max_prompt + self.max_answer) // BLOCK_SIZE) + 1
        self._engine = Engine(
            EngineConfig(
                model=str(self.base),
                device=self.device,
                max_batch=BATCH,
                max_step_tokens=STEP_TOKENS,
                num_blocks=BATCH * blocks_each,
                block_size=BLOCK_SIZE,
            ),
            speculators=[self.recorder],
        )

    def write(self, asked: Sequence[Asked], first: int, manner: SamplingParams) -> list[Written]:
        """Answer at most BATCH prompts, the first of which is number `first` of its series."""
        answers: dict[str, list[int]] = {}
        for number, one in enumerate(asked, start=first):
            self._engine.submit(str(number), one.ids, self._params(manner, number))
            answers[str(number)] = []
        while self._engine.has_work:
            for chunk in self._engine.step():
                answers[chunk.request_id] += chunk.token_ids
        return [
            self._written(one, number, answers[str(number)])
            for number, one in enumerate(asked, start=first)
        ]

    def close(self) -> None:
        self._engine.close()

    def _written(self, asked: Asked, number: int, answer: Sequence[int]) -> Written:
        states = self.recorder.take(str(number), len(asked.ids) - 1, len(answer))
        return Written(asked.source, asked.ids, tuple(answer), states)

    def _params(self, manner: SamplingParams, seed: int) -> SamplingParams:
        return SamplingParams(
            max_tokens=self.max_answer,
            temperature=manner.temperature,
            top_k=manner.top_k,
            seed=seed,
        )


def write_on(
    writer: Writer,
    prompts: Iterator[Asked],
    store: TextStore,
    is_enough: Callable[[int], bool],
    manners: Sequence[SamplingParams] = MANNERS,
) -> None:
    """Add batches to the store until there are windows enough or no prompts left.

    `prompts` begin where the store's first one did. Each batch is kept as soon as it is there, so a
    run that was cut off goes on behind the last one.
    """
    num_batches, done_texts = divmod(store.num_texts, BATCH * len(manners))
    unanswered = islice(prompts, num_batches * BATCH, None)
    while asked := list(islice(unanswered, BATCH)):
        for manner in manners[done_texts // len(asked) :]:
            if is_enough(store.num_windows):
                return
            store.append(writer.write(asked, store.num_texts, manner))
        done_texts = 0
