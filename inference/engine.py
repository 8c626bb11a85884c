"""The face of one engine: generate(), stream(), abort(), stats(), close().

The engine itself is synchronous and steps where it is told to: `step()` is called by the engine
process's loop, by `generate()`, or by the thread that serves `stream()`. Submissions and aborts may
come from any thread; they take effect at the start of the next step.
"""

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable
from collections.abc import Sequence as SequenceOf
from pathlib import Path

from inference.cache.kv_cache import KVCache
from inference.cache.preambles import keep_preambles
from inference.calibration import Calibration
from inference.config import REJECTION, EngineConfig
from inference.document import Document
from inference.errors import EngineError, InvalidRequest, QueueFull
from inference.inbox import Inbox
from inference.intake import Intake
from inference.metrics import MetricsSnapshot
from inference.output import output_of
from inference.request import (
    EngineInfo,
    FinishReason,
    Prompt,
    RequestOutput,
    SamplingParams,
    TokenChunk,
)
from inference.runner.model_runner import ModelRunner
from inference.scheduler import Scheduler
from inference.sequence import Sequence
from inference.speculation.base import Speculator
from inference.speculation.budget import Budget, MeasuredBudget
from inference.speculation.corpora import Corpora
from inference.speculation.drafting import Drafting
from inference.speculation.drawing import DrawnDrafting
from inference.speculation.loading import load_speculators
from inference.step import StepLoop
from inference.teaching import Teaching
from inference.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 1.0


class Engine:
    """One model, one block pool, any number of requests at a time.

    Raises:
        InvalidConfig: a setting is wrong, or the device is not there.
        ModelLoadError: the checkpoint cannot be served.
    """

    def __init__(
        self,
        config: EngineConfig,
        speculators: SequenceOf[Speculator] | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Load everything.

        `speculators` stand in for those that `config.speculator` names, `budget` for the one that
        measures what drafting costs and brings.
        """
        self.config = config
        self._runner = runner = ModelRunner(config)
        model = self._runner.model_config
        cache = KVCache(
            config.num_blocks, config.block_size, model.fingerprint, config.max_pinned_blocks
        )
        self._corpora = Corpora(config.max_corpus_tokens)
        own = speculators
        if own is None:
            own = load_speculators(config.speculators, self._runner.facts, self._corpora)
        budget = budget or MeasuredBudget([one.name for one in own])
        self._calibration = Calibration(runner, cache.pool, config.block_size, budget, own)
        self._calibration.run_if_due()
        price = budget.step_cost if isinstance(budget, MeasuredBudget) else float
        self._scheduler = Scheduler(config, cache, price)
        kind = DrawnDrafting if config.verification == REJECTION else Drafting
        self._loop = StepLoop(self._scheduler, kind(own, budget, model.vocab_size), runner)
        tokenizer = _tokenizer(self._runner)
        self._intake = Intake(config, model, tokenizer)
        self._teaching = Teaching(own, tokenizer, model.vocab_size)
        self._preambles = keep_preambles(config, runner.folder, runner.dtype, cache, runner.cache)
        self._inbox = Inbox()
        self._known: dict[str, Sequence] = {}
        self._sinks: dict[Sequence, Callable[[TokenChunk], None]] = {}
        self._arrivals = itertools.count()
        self._entering = threading.Lock()
        self._stepping = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._is_closed = False

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        return bool(self._known)

    def submit(
        self,
        request_id: str,
        prompt: Prompt,
        params: SamplingParams,
        *,
        salt: bytes = b"",
        resume_token_ids: SequenceOf[int] = (),
        arrived_s: float | None = None,
    ) -> None:
        """Queue a request; its chunks come out of the steps.

        `salt` keeps its cached prefix apart from that of other salts. With `resume_token_ids` the
        answer goes on behind these ids, as if it had never been interrupted; only what is new is
        reported. `arrived_s`, where it came before this call, is when by the monotonic clock.

        Raises:
            InvalidRequest: it can never be served; the message has the numbers.
            QueueFull: too many requests are waiting.
        """
        sequence = self._enter(request_id, prompt, params, salt, resume_token_ids)
        if arrived_s is not None:
            sequence.timeline.arrived_s = arrived_s

    def abort(self, request_id: str) -> None:
        """End a request within one step; unknown ids are ignored, they may just have ended."""
        sequence = self._known.get(request_id)
        if sequence is not None:
            self._inbox.withdraw(sequence)
            self._wake.set()

    def learn(
        self, documents: SequenceOf[Document], *, salt: bytes = b"", forgotten: SequenceOf[str] = ()
    ) -> None:
        """Let answers of this salt be drafted from these texts too; any thread may call it.

        What stands under the `forgotten` keys is forgotten first. Without a speculator that drafts
        from texts nothing is kept.

        Raises:
            InvalidRequest: a document does not fit this model; nothing is learned.
        """
        self._teaching.learn(documents, salt, forgotten)

    def step(self) -> list[TokenChunk]:
        """One beat; what every request gained. Empty when there is nothing to do."""
        with self._stepping:
            self._calibration.run_if_due()
            chunks = self._take_inbox() + self._loop.step()
            self._deliver(chunks)
            self._preambles.save_if_due()
            return chunks

    def generate(
        self,
        prompts: SequenceOf[Prompt],
        params: SamplingParams | SequenceOf[SamplingParams] | None = None,
        *,
        salt: bytes = b"",
    ) -> list[RequestOutput]:
        """Answer all prompts together and wait for the last one.

        One that fails on the way has the reason `error` in its output; the others are answered.

        Raises:
            InvalidRequest, QueueFull: as `submit`; then none of them runs on.
            EngineError: the engine was closed meanwhile.
        """
        wanted = [params or SamplingParams()] if not isinstance(params, SequenceOf) else params
        wanted = list(wanted) * len(prompts) if len(wanted) == 1 else list(wanted)
        if len(wanted) != len(prompts):
            raise InvalidRequest(f"params: {len(wanted)} for {len(prompts)} prompts")
        chunks: list[list[TokenChunk]] = [[] for _ in prompts]
        sequences: list[Sequence] = []
        try:
            for prompt, own, gained in zip(prompts, wanted, chunks, strict=True):
                request_id = f"generate-{next(self._arrivals)}"
                sequences.append(self._enter(request_id, prompt, own, salt, (), gained.append))
            while any(self._is_unfinished(one) for one in sequences):
                self.step()
        finally:
            for one in filter(self._is_unfinished, sequences):
                self._inbox.withdraw(one)
            with self._stepping:
                self._deliver(self._take_inbox())
        outputs = [output_of(one, own) for one, own in zip(sequences, chunks, strict=True)]
        failed = [one for one in outputs if one.finish_reason is FinishReason.ERROR]
        if self._is_closed and failed:
            raise EngineError(failed[0].error or "the engine is closed", code="closed")
        return outputs

    def pin(self, prompt: Prompt, *, salt: bytes = b"") -> int:
        """Compute the full blocks of a preamble and keep them; the number of tokens kept.

        They stay until `unpin`, until pins that were used later push them out, or until a request
        that is alone would not fit otherwise.

        Raises:
            InvalidRequest: it has more blocks than may be pinned; the message has the numbers.
            EngineError: it could not be computed.
        """
        done = self.generate([prompt], SamplingParams(max_tokens=0, pin=True), salt=salt)[0]
        if done.error is not None:
            raise EngineError(done.error)
        return done.num_prompt_tokens // self.config.block_size * self.config.block_size

    def unpin(self, prompt: Prompt, *, salt: bytes = b"") -> bool:
        """Let a preamble be evicted again; False when it was not pinned."""
        sequence = self._intake.sequence("unpin", 0, prompt, SamplingParams(max_tokens=0), salt)
        cache = self._scheduler.cache
        with self._stepping:
            return cache.unpin(cache.prefix(salt, sequence.num_public), sequence.token_ids)

    async def stream(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        salt: bytes = b"",
        request_id: str | None = None,
        resume_token_ids: SequenceOf[int] = (),
    ) -> AsyncGenerator[TokenChunk]:
        """Answer one prompt chunk by chunk; closing the generator aborts the request.

        The engine steps in a thread of its own, the event loop only waits.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[TokenChunk] = asyncio.Queue()
        own_id = request_id or f"stream-{next(self._arrivals)}"

        def deliver(chunk: TokenChunk) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, nobody waits any more
                loop.call_soon_threadsafe(queue.put_nowait, chunk)

        wanted = params or SamplingParams()
        sequence = self._enter(own_id, prompt, wanted, salt, resume_token_ids, deliver)
        try:
            self._start_thread()
            is_over = False
            while not is_over:
                chunk = await queue.get()
                is_over = chunk.finish_reason is not None
                yield chunk
        finally:
            self._sinks.pop(sequence, None)
            self._inbox.withdraw(sequence)  # without effect where it has ended
            self._wake.set()

    def stats(self) -> dict[str, int | float]:
        """Counters since the start and the state of this moment."""
        return {
            "num_running": self._scheduler.num_running,
            "num_waiting": self._scheduler.num_waiting + self._inbox.num_arrived,
            **self._scheduler.cache.stats(),
            "cache_size_bytes": self._runner.cache.nbytes,
            "num_corpus_tokens": self._teaching.num_tokens,
            "num_preemptions": self._scheduler.num_preemptions,
            "prefix_hit_tokens": self._scheduler.prefix_hit_tokens,
            "prefix_query_tokens": self._scheduler.prefix_query_tokens,
            "num_steps": self._loop.num_steps,
            "num_drafted_tokens": self._loop.num_drafted_tokens,
            "num_accepted_tokens": self._loop.num_accepted_tokens,
            **self._loop.drafting.record.stats(),
            **self._loop.metrics.values(),
        }

    def metrics(self) -> MetricsSnapshot:
        """The same with the distributions of times and sizes."""
        return MetricsSnapshot(self.stats(), self._loop.metrics.histograms())

    def info(self) -> EngineInfo:
        """What is running here."""
        return EngineInfo(
            model=self._runner.folder.name,
            speculator=",".join(Path(one).name for one in self.config.speculators) or None,
            max_model_len=min(
                self._runner.model_config.max_model_len,
                self.config.num_blocks * self.config.block_size,
            ),
            fingerprint=self._runner.model_config.fingerprint,
            device=str(self._runner.device),
            dtype=str(self._runner.dtype).removeprefix("torch."),
        )

    def finish_compiling(self) -> None:
        """Wait for the kernels that `EngineConfig.compile` builds in the background."""
        self._runner.finish_compiling()

    def close(self) -> None:
        """Stop the thread behind `stream()`; unfinished streams end in an error."""
        with self._entering:
            self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._give_up("the engine is closed")
        with self._stepping:
            self._preambles.close()
            self._runner.close()

    def _enter(
        self,
        request_id: str,
        prompt: Prompt,
        params: SamplingParams,
        salt: bytes,
        resume_token_ids: SequenceOf[int],
        sink: Callable[[TokenChunk], None] | None = None,
    ) -> Sequence:
        """Check a request, queue it, and have its chunks told to `sink`."""
        with self._entering:
            if self._is_closed:
                raise EngineError("the engine is closed", code="closed")
            if request_id in self._known:
                raise InvalidRequest(f"request_id: {request_id!r} is already running")
            if self._scheduler.num_waiting + self._inbox.num_arrived >= self.config.max_waiting:
                raise QueueFull(RETRY_AFTER_S)
            arrival = next(self._arrivals)
            sequence = self._intake.sequence(request_id, arrival, prompt, params, salt)
            reason = self._intake.resume(sequence, resume_token_ids)
            self._known[request_id] = sequence
            if sink is not None:
                self._sinks[sequence] = sink
            self._inbox.put(sequence, reason)
        self._wake.set()
        return sequence

    def _take_inbox(self) -> list[TokenChunk]:
        chunks = []
        arrived, aborted = self._inbox.take()
        for sequence, reason in arrived:
            if reason is None:
                self._scheduler.add(sequence)
            else:
                chunks.append(self._loop.report_end(sequence, reason))
        for sequence in aborted:
            if sequence in self._scheduler:
                chunks.append(self._loop.end(sequence, FinishReason.ABORT))
        return chunks

    def _deliver(self, chunks: SequenceOf[TokenChunk]) -> None:
        for chunk in chunks:
            sequence = self._known.get(chunk.request_id)
            if sequence is None:
                continue  # given up
            if chunk.finish_reason is not None:
                self._loop.metrics.ended(sequence, chunk.finish_reason, time.monotonic())
            sink = self._sinks.get(sequence)
            if sink is not None:
                sink(chunk)
            if chunk.finish_reason is not None:
                self._sinks.pop(sequence, None)
                del self._known[chunk.request_id]

    def _is_unfinished(self, sequence: Sequence) -> bool:
        return self._known.get(sequence.request_id) is sequence

    def _give_up(self, error: str) -> None:
        """Let nobody wait for a chunk that no step will bring."""
        with self._stepping:
            self._deliver(
                [
                    TokenChunk(request_id=one, finish_reason=FinishReason.ERROR, error=error)
                    for one in self._known
                ]
            )

    def _start_thread(self) -> None:
        with self._entering:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while not self._is_closed:
                self._wake.clear()
                if self.has_work:
                    self.step()
                else:
                    self._wake.wait()
        except Exception:
            logger.exception("a step failed, the engine serves no more")
            with self._entering:
                self._is_closed = True
            self._give_up("a step failed, the engine serves no more")


def _tokenizer(runner: ModelRunner) -> Tokenizer | None:
    if not (runner.folder / "tokenizer.json").is_file():
        return None
    return Tokenizer(runner.folder, runner.model_config.vocab_size, runner.model_config.fingerprint)
