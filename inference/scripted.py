"""An engine that reads its answers from a file, so that all around a model can be tested.

Each line of the file is a JSON object: `match`, a regular expression searched in the last
customer's message (or in the text of the prompt); `chunks`, the answer's pieces; `delay_ms` before
each of them; `then`, what happens after the last one: `finish`, `crash` (the process exits with
code 3), `hang` (no step ever ends), `garbage` (bytes that are no frame on the client's socket). The
first line that matches answers. Guides are followed in what must stand verbatim, not in what the
model may write: the script may put anything there. Stop strings and sampling are not its business.
"""

import hashlib
import math
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Literal

import msgspec

from inference.document import Document
from inference.errors import InvalidRequest, ModelLoadError, ScriptError
from inference.metrics import EngineMetrics, MetricsSnapshot, Numbers, Timeline
from inference.request import (
    ChatMessage,
    EngineInfo,
    Exactly,
    FinishReason,
    Prompt,
    SamplingParams,
    Segment,
    SpanChoice,
    Spans,
    TokenChunk,
    Words,
)

PREFIX = "scripted:"
CRASH_EXIT_CODE = 3
MAX_MODEL_LEN = 1 << 20
_MAX_STEP_S = 0.005
_PIECE = re.compile(r"\S+\s*|\s+")


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a script."""

    match: str
    chunks: tuple[str, ...] = ()
    delay_ms: float = 0.0
    then: Literal["finish", "crash", "hang", "garbage"] = "finish"

    def __post_init__(self) -> None:
        if not 0 <= self.delay_ms <= 3_600_000:
            raise ValueError(f"delay_ms: {self.delay_ms} is outside 0 to 3600000")


@dataclass(frozen=True)
class Piece:
    """What one step says: a token's worth of text."""

    text: str
    segment: int | None
    choice: SpanChoice | None = None


@dataclass(eq=False)
class Answer:
    """One request on its way through its pieces; piece i is token i."""

    request_id: str
    line: Line
    pieces: tuple[Piece, ...]
    num_prompt: int
    num_said: int
    is_cut: bool
    due: float
    deadline: float
    num_cached: int = 0
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def is_finishing(self) -> bool:
        """Whether it ends like any answer; one cut by `max_tokens` never reaches its `then`."""
        return self.is_cut or self.line.then == "finish"

    @property
    def reason(self) -> FinishReason:
        """How it ends if it does."""
        return FinishReason.LENGTH if self.is_cut else FinishReason.STOP


class ScriptedEngine:
    """The engine's interface over a script.

    Raises:
        ModelLoadError: there is no such file.
        ScriptError: a line is not JSON, has unknown or missing fields, or a bad expression.
    """

    def __init__(self, path: Path, garble: Callable[[str], None]) -> None:
        self._path = path
        self._garble = garble
        self._lines, self._fingerprint = _read(path)
        self._answers: dict[str, Answer] = {}
        self._metrics = EngineMetrics()
        self._num_steps = 0

    @property
    def has_work(self) -> bool:
        """Whether an answer is unfinished."""
        return bool(self._answers)

    def submit(
        self,
        request_id: str,
        prompt: Prompt,
        params: SamplingParams,
        *,
        salt: bytes = b"",
        resume_token_ids: Sequence[int] = (),
        arrived_s: float | None = None,
    ) -> None:
        """Begin the answer of the first line that matches, behind `resume_token_ids`.

        Raises:
            InvalidRequest: no line matches, the id is taken, or the ids are not of this answer.
        """
        if request_id in self._answers:
            raise InvalidRequest(f"request_id: {request_id!r} is already running")
        text = _last_words(prompt)
        found = next((pair for pair in self._lines if pair[0].search(text)), None)
        if found is None:
            raise InvalidRequest(f"prompt: no line of {self._path.name} matches it")
        line = found[1]
        every = _pieces(line, params.guide)
        pieces = every[: params.max_tokens]
        num_said = len(resume_token_ids)
        if num_said > len(pieces) or list(resume_token_ids) != list(range(num_said)):
            raise InvalidRequest("resume_token_ids: they are not of this answer")
        now = time.monotonic()
        answer = self._answers[request_id] = Answer(
            request_id=request_id,
            line=line,
            pieces=pieces,
            num_prompt=len(text.split()),
            num_said=num_said,
            is_cut=len(pieces) < len(every) or params.max_tokens == 0,
            due=now + line.delay_ms / 1000,
            deadline=now + params.deadline_s if params.deadline_s else math.inf,
        )
        answer.timeline.arrived_s = now if arrived_s is None else arrived_s
        answer.timeline.start()

    def step(self) -> list[TokenChunk]:
        """Say one piece of every answer whose delay is over; wait at most 5 ms for the first."""
        if not self._answers:
            return []
        self._num_steps += 1
        first_due = min(answer.due for answer in self._answers.values())
        time.sleep(min(max(first_due - time.monotonic(), 0.0), _MAX_STEP_S))
        now = time.monotonic()
        chunks = []
        for answer in list(self._answers.values()):
            if answer.deadline <= now:
                chunks.append(self._end(answer, FinishReason.ABORT))
            elif answer.due <= now:
                chunks += self._go_on(answer, now)
        return chunks

    def abort(self, request_id: str) -> None:
        """Forget a request."""
        answer = self._answers.pop(request_id, None)
        if answer is not None:
            self._metrics.ended(answer, FinishReason.ABORT, time.monotonic())

    def stats(self) -> Numbers:
        """The real engine's counters; there are no blocks and no drafts here."""
        return {
            "num_running": len(self._answers),
            "num_waiting": 0,
            "num_free_blocks": 0,
            "num_blocks": 0,
            "num_cached_blocks": 0,
            "num_pinned_blocks": 0,
            "cache_size_bytes": 0,
            "num_corpus_tokens": 0,
            "num_preemptions": 0,
            "prefix_hit_tokens": 0,
            "prefix_query_tokens": 0,
            "num_steps": self._num_steps,
            "num_drafted_tokens": 0,
            "num_accepted_tokens": 0,
            **self._metrics.values(),
        }

    def metrics(self) -> MetricsSnapshot:
        """The same with the distributions; steps are not timed, they only wait."""
        return MetricsSnapshot(self.stats(), self._metrics.histograms())

    def learn(
        self, documents: Sequence[Document], *, salt: bytes, forgotten: Sequence[str] = ()
    ) -> None:
        """A script is not drafted."""

    def info(self) -> EngineInfo:
        """What is running: the script."""
        return EngineInfo(
            model=f"{PREFIX}{self._path.name}",
            speculator=None,
            max_model_len=MAX_MODEL_LEN,
            fingerprint=self._fingerprint,
            device="cpu",
            dtype="none",
        )

    def close(self) -> None:
        """Nothing is held."""

    def _go_on(self, answer: Answer, now: float) -> list[TokenChunk]:
        at, last = answer.num_said, len(answer.pieces) - 1
        if at > last and not answer.is_finishing:
            return self._misbehave(answer)
        if at > last:
            return [self._end(answer, answer.reason)]
        answer.num_said += 1
        answer.due = now + answer.line.delay_ms / 1000
        self._metrics.gained(answer, 1, now)
        if at == last and answer.is_finishing:
            return [self._end(answer, answer.reason, at)]
        return [_chunk(answer, at, None)]

    def _misbehave(self, answer: Answer) -> list[TokenChunk]:
        match answer.line.then:
            case "crash":
                os._exit(CRASH_EXIT_CODE)
            case "hang":
                threading.Event().wait()
            case "garbage":
                del self._answers[answer.request_id]
                self._garble(answer.request_id)
        return []

    def _end(self, answer: Answer, reason: FinishReason, at: int | None = None) -> TokenChunk:
        del self._answers[answer.request_id]
        self._metrics.ended(answer, reason, time.monotonic())
        return _chunk(answer, at, reason)


def _chunk(answer: Answer, at: int | None, reason: FinishReason | None) -> TokenChunk:
    piece = None if at is None else answer.pieces[at]
    return TokenChunk(
        request_id=answer.request_id,
        token_ids=() if at is None else (at,),
        text=piece.text if piece else "",
        finish_reason=reason,
        num_prompt_tokens=answer.num_prompt,
        segment=piece.segment if piece else None,
        choice=piece.choice if piece else None,
    )


def _read(path: Path) -> tuple[list[tuple[re.Pattern[str], Line]], str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelLoadError(path, error.strerror or str(error)) from None
    lines = []
    for number, raw in enumerate(content.splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw, type=Line)
            lines.append((re.compile(line.match), line))
        except (msgspec.DecodeError, re.error) as error:
            raise ScriptError(path, number, str(error)) from None
    if not lines:
        raise ScriptError(path, 1, "the script has no lines")
    return lines, hashlib.sha256(content).hexdigest()


def _last_words(prompt: Prompt) -> str:
    """What `match` is searched in."""
    if isinstance(prompt, str):
        return prompt
    messages = [one for one in prompt if isinstance(one, ChatMessage)]
    if not messages:
        return " ".join(str(one) for one in prompt)
    asked = [one for one in messages if one.role == "user"]
    return (asked or messages)[-1].text


def _pieces(line: Line, guide: Sequence[Segment] | None) -> tuple[Piece, ...]:
    """The script's chunks, or the guide's segments with the chunks where the model has the word.

    Each Words segment takes the next chunk, the last one all that are left. Of a Spans segment the
    run with the greatest prior is said, without priors the first sentence.
    """
    if guide is None:
        return tuple(Piece(chunk, None) for chunk in line.chunks)
    chunks = list(line.chunks)
    free = [index for index, segment in enumerate(guide) if isinstance(segment, Words)]
    pieces: list[Piece] = []
    for index, segment in enumerate(guide):
        choice = None
        match segment:
            case Exactly():
                texts = _PIECE.findall(segment.text)
            case Spans():
                said, choice = _likeliest(segment)
                texts = _PIECE.findall(said)
            case Words():
                taken = len(chunks) if index == free[-1] else 1
                texts, chunks = chunks[:taken], chunks[taken:]
        pieces += [Piece(text, index) for text in texts]
        if choice is not None:
            pieces[-1] = replace(pieces[-1], choice=choice)
    return tuple(pieces)


def _likeliest(spans: Spans) -> tuple[str, SpanChoice]:
    options = [
        (prior, SpanChoice(number, *run))
        for number, source in enumerate(spans.sources)
        for run, prior in zip(spans.runs(source), source.priors or repeat(0.0), strict=False)
    ]
    _, choice = max(options, key=lambda option: option[0])
    source = spans.sources[choice.source]
    chosen = source.sentences[choice.first : choice.first + choice.num_sentences]
    return f"{spans.lead}{' '.join(chosen)}{source.suffix}", choice
