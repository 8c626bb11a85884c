"""Readers of an engine who each ask their next question when they have their answer."""

import itertools
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inference import Engine, SamplingParams, TokenChunk
from inference.request import Prompt

SALT = b"benchmark"


@dataclass(frozen=True)
class Question:
    """A prompt and how it is to be answered."""

    messages: Prompt
    params: SamplingParams


@dataclass
class Load:
    """What some readers saw."""

    seconds: float = 0.0
    num_tokens: int = 0
    num_turns: int = 0
    """Steps of single requests that gave tokens."""
    gaps_s: list[float] = field(default_factory=list)
    """Between tokens, the first of an answer apart; what came together shares its wait."""
    _last_s: dict[str, float] = field(default_factory=dict)

    @property
    def mean_gap_ms(self) -> float:
        """Between tokens: the time per output token, prompts apart."""
        return 1000 * sum(self.gaps_s) / len(self.gaps_s)

    def percentile_ms(self, share: float) -> float:
        """Of the time between tokens."""
        ordered = sorted(self.gaps_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def note(self, request_id: str, num_tokens: int, num_steps: int, now_s: float) -> None:
        """A request has gained tokens."""
        if not num_tokens:
            return
        self.num_tokens += num_tokens
        self.num_turns += num_steps
        last_s = self._last_s.get(request_id)
        self._last_s[request_id] = now_s
        if last_s is not None:
            self.gaps_s += [(now_s - last_s) / num_tokens] * num_tokens


def run_load(
    engine: Engine, questions: Sequence[Question], num_readers: int, num_asked: int
) -> Load:
    """`num_asked` questions by readers who each ask again when they are answered."""
    load = Load()
    ids, left = itertools.count(), itertools.islice(itertools.cycle(questions), num_asked)
    for question in itertools.islice(left, num_readers):
        _ask(engine, question, next(ids))
    began = time.perf_counter()
    while engine.has_work:
        for gain in _by_request(engine.step()):
            load.note(gain.request_id, gain.num_tokens, gain.num_steps, time.perf_counter())
            if gain.is_last:
                for question in itertools.islice(left, 1):
                    _ask(engine, question, next(ids))
    load.seconds = time.perf_counter() - began
    return load


def run_arrivals(
    engine: Engine, questions: Sequence[Question], num_asked: int, per_s: float
) -> Load:
    """`num_asked` questions that come when they come, on average `per_s` a second, by chance.

    The moments are the same in every run, so a faster engine has fewer of them to answer at once.
    """
    load, chance = Load(), random.Random(0)
    due_s = itertools.accumulate(chance.expovariate(per_s) for _ in range(num_asked))
    waiting = deque(zip(due_s, itertools.cycle(questions), range(num_asked), strict=False))
    began = time.perf_counter()
    while waiting or engine.has_work:
        passed = time.perf_counter() - began
        while waiting and waiting[0][0] <= passed:
            _, question, number = waiting.popleft()
            _ask(engine, question, number)
        if not engine.has_work:
            time.sleep(waiting[0][0] - passed)
            continue
        for gain in _by_request(engine.step()):
            load.note(gain.request_id, gain.num_tokens, gain.num_steps, time.perf_counter())
    load.seconds = time.perf_counter() - began
    return load


@dataclass(frozen=True)
class _Gain:
    request_id: str
    num_tokens: int
    num_steps: int
    is_last: bool


def _by_request(chunks: Sequence[TokenChunk]) -> Iterator[_Gain]:
    """A step's chunks of one request as one: segments make several of them."""
    for request_id, own in itertools.groupby(chunks, key=lambda chunk: chunk.request_id):
        mine = list(own)
        is_last = mine[-1].finish_reason is not None
        num_tokens = sum(len(one.token_ids) for one in mine)
        # Each step gives one token that nobody drafted, but where a guide's last one was drafted.
        num_steps = sum(drafter is None for one in mine for drafter in one.drafted_by)
        yield _Gain(request_id, num_tokens, max(1, num_steps), is_last)


def _ask(engine: Engine, question: Question, number: int) -> None:
    engine.submit(f"reader-{number}", question.messages, question.params, salt=SALT)
