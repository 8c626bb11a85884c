"""Readers of an engine who each ask their next question when they have their answer."""

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inference import ChatMessage, Engine, SamplingParams, TokenChunk

SALT = b"benchmark"


@dataclass(frozen=True)
class Question:
    """A prompt and how it is to be answered."""

    messages: tuple[ChatMessage, ...]
    params: SamplingParams


@dataclass
class Load:
    """What some readers saw."""

    seconds: float = 0.0
    num_tokens: int = 0
    num_turns: int = 0
    """Steps of single requests that gave tokens."""
    gaps_s: list[float] = field(default_factory=list)
    """Between tokens, the first of an answer apart."""

    def percentile_ms(self, share: float) -> float:
        """Of the time between tokens."""
        ordered = sorted(self.gaps_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run_load(
    engine: Engine, questions: Sequence[Question], num_readers: int, num_asked: int
) -> Load:
    """`num_asked` questions by readers who each ask again when they are answered."""
    load = Load()
    ids, left = itertools.count(), itertools.islice(itertools.cycle(questions), num_asked)
    has_begun: set[str] = set()
    for question in itertools.islice(left, num_readers):
        _ask(engine, question, next(ids))
    began = time.perf_counter()
    while engine.has_work:
        start = time.perf_counter()
        chunks = engine.step()
        took = time.perf_counter() - start
        for chunk in _by_request(chunks):
            load.num_tokens += chunk.num_tokens
            load.num_turns += chunk.num_tokens > 0
            if chunk.request_id in has_begun:
                load.gaps_s += [took / chunk.num_tokens] * chunk.num_tokens
            elif chunk.num_tokens:
                has_begun.add(chunk.request_id)
            if chunk.is_last:
                for question in itertools.islice(left, 1):
                    _ask(engine, question, next(ids))
    load.seconds = time.perf_counter() - began
    return load


@dataclass(frozen=True)
class _Gain:
    request_id: str
    num_tokens: int
    is_last: bool


def _by_request(chunks: Sequence[TokenChunk]) -> Iterator[_Gain]:
    """A step's chunks of one request as one: segments make several of them."""
    for request_id, own in itertools.groupby(chunks, key=lambda chunk: chunk.request_id):
        mine = list(own)
        is_last = mine[-1].finish_reason is not None
        yield _Gain(request_id, sum(len(one.token_ids) for one in mine), is_last)


def _ask(engine: Engine, question: Question, number: int) -> None:
    engine.submit(f"reader-{number}", question.messages, question.params, salt=SALT)
