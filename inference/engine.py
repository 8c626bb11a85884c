"""The face of one engine: generate(), stream(), abort(), stats(), close().

The engine itself is synchronous and steps where it is told to: `step()` is called by the engine
process's loop, by `generate()`, or by the thread that serves `stream()`. Submissions and aborts may
come from any thread; they take effect at the start of the next step.
"""

import asyncio
import itertools
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from collections.abc import Sequence as SequenceOf

from inference.cache.kv_cache import KVCache
from inference.config import NGRAM, EngineConfig
from inference.constraints.compiler import ConstraintCompiler
from inference.errors import EngineError, InvalidRequest, QueueFull
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
from inference.seeds import seed_for
from inference.sequence import Sequence
from inference.speculation.base import Speculator
from inference.speculation.drafting import Drafting
from inference.speculation.ngram import NgramSpeculator
from inference.step import StepLoop, advance
from inference.text import AnswerText
from inference.tokenizer import Tokenizer, check_ids

RETRY_AFTER_S = 1.0


class Engine:
    """One model, one block pool, any number of requests at a time.

    Raises:
        InvalidConfig: a setting is wrong, or the device is not there.
        ModelLoadError: the checkpoint cannot be served.
    """

    def __init__(
        self, config: EngineConfig, speculators: SequenceOf[Speculator] | None = None
    ) -> None:
        """Load everything; `speculators` stand in for those that `config.speculator` names."""
        self.config = config
        self._runner = ModelRunner(config)
        model = self._runner.model_config
        cache = KVCache(config.num_blocks, config.block_size, model.fingerprint)
        self._scheduler = Scheduler(config, cache)
        drafting = Drafting(_speculators(config) if speculators is None else list(speculators))
        self._loop = StepLoop(self._scheduler, drafting, self._runner)
        self._tokenizer = _tokenizer(self._runner)
        self._constraints = ConstraintCompiler(self._tokenizer, model.eos_token_ids)
        self._inbox: deque[Sequence | str] = deque()
        self._known: dict[str, Sequence] = {}
        self._finished_at_birth: list[TokenChunk] = []
        self._arrivals = itertools.count()
        self._stepping = threading.Lock()
        self._sinks: dict[str, Callable[[TokenChunk], None]] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._is_closed = False

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        return bool(self._inbox or self._known or self._finished_at_birth)

    def submit(
        self,
        request_id: str,
        prompt: Prompt,
        params: SamplingParams,
        *,
        salt: bytes = b"",
        resume_token_ids: SequenceOf[int] = (),
    ) -> None:
        """Queue a request; its chunks come out of the steps.

        `salt` keeps its cached prefix apart from that of other salts. With `resume_token_ids` the
        answer goes on behind these ids, as if it had never been interrupted; only what is new is
        reported.

        Raises:
            InvalidRequest: it can never be served; the message has the numbers.
            QueueFull: too many requests are waiting.
        """
        if self._is_closed:
            raise EngineError("the engine is closed", code="closed")
        if request_id in self._known:
            raise InvalidRequest(f"request_id: {request_id!r} is already running")
        if self._scheduler.num_waiting + len(self._inbox) >= self.config.max_waiting:
            raise QueueFull(RETRY_AFTER_S)
        sequence = self._sequence(request_id, self._prompt_ids(prompt), params, salt)
        self._known[request_id] = sequence
        self._resume(sequence, resume_token_ids)
        self._wake.set()

    def abort(self, request_id: str) -> None:
        """End a request within one step; unknown ids are ignored, they may just have ended."""
        self._inbox.append(request_id)
        self._wake.set()

    def step(self) -> list[TokenChunk]:
        """One beat; what every request gained. Empty when there is nothing to do."""
        with self._stepping:
            chunks, self._finished_at_birth = self._finished_at_birth, []
            chunks += self._take_inbox()
            chunks += self._loop.step()
            for chunk in chunks:
                if chunk.finish_reason is not None:
                    self._known.pop(chunk.request_id, None)
            return chunks

    def generate(
        self,
        prompts: SequenceOf[Prompt],
        params: SamplingParams | SequenceOf[SamplingParams] | None = None,
        *,
        salt: bytes = b"",
    ) -> list[RequestOutput]:
        """Answer all prompts together and wait for the last one.

        Raises:
            InvalidRequest, QueueFull: as `submit`; then none of them runs on.
        """
        wanted = [params or SamplingParams()] if not isinstance(params, SequenceOf) else params
        wanted = list(wanted) * len(prompts) if len(wanted) == 1 else list(wanted)
        if len(wanted) != len(prompts):
            raise InvalidRequest(f"params: {len(wanted)} for {len(prompts)} prompts")
        ids = [f"generate-{next(self._arrivals)}" for _ in prompts]
        chunks: dict[str, list[TokenChunk]] = {one: [] for one in ids}
        sequences = []
        try:
            for one, prompt, own in zip(ids, prompts, wanted, strict=True):
                self._sinks[one] = chunks[one].append
                self.submit(one, prompt, own, salt=salt)
                sequences.append(self._known[one])
            while any(one in self._known for one in ids):
                self._beat()
        finally:
            for one in ids:
                self._sinks.pop(one, None)
                if one in self._known:
                    self.abort(one)
        return [_output(one, chunks[one.request_id]) for one in sequences]

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
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, chunk)

        self._sinks[own_id] = deliver
        is_over = False
        try:
            self.submit(
                own_id,
                prompt,
                params or SamplingParams(),
                salt=salt,
                resume_token_ids=resume_token_ids,
            )
            self._start_thread()
            while not is_over:
                chunk = await queue.get()
                is_over = chunk.finish_reason is not None
                yield chunk
        finally:
            self._sinks.pop(own_id, None)
            if not is_over:
                self.abort(own_id)

    def stats(self) -> dict[str, int | float]:
        """Counters since the start and the state of this moment."""
        cache = self._scheduler.cache
        return {
            "num_running": self._scheduler.num_running,
            "num_waiting": self._scheduler.num_waiting + len(self._inbox),
            "num_free_blocks": cache.pool.num_free,
            "num_blocks": cache.pool.num_blocks,
            "num_cached_blocks": cache.num_cached_blocks,
            "num_preemptions": self._scheduler.num_preemptions,
            "prefix_hit_tokens": self._scheduler.prefix_hit_tokens,
            "prefix_query_tokens": self._scheduler.prefix_query_tokens,
            "num_steps": self._loop.num_steps,
            "num_drafted_tokens": self._loop.num_drafted_tokens,
            "num_accepted_tokens": self._loop.num_accepted_tokens,
        }

    def info(self) -> EngineInfo:
        """What is running here."""
        return EngineInfo(
            model=self._runner.folder.name,
            speculator=",".join(self.config.speculators) or None,
            max_model_len=self._runner.model_config.max_model_len,
            fingerprint=self._runner.model_config.fingerprint,
            device=str(self._runner.device),
            dtype=str(self._runner.dtype).removeprefix("torch."),
        )

    def finish_compiling(self) -> None:
        """Wait for the kernels that `EngineConfig.compile` builds in the background."""
        self._runner.finish_compiling()

    def close(self) -> None:
        """Stop the thread behind `stream()`; unfinished requests end unreported."""
        self._is_closed = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _prompt_ids(self, prompt: Prompt) -> list[int]:
        if self._tokenizer is not None:
            return self._tokenizer.encode_prompt(prompt)
        if isinstance(prompt, str) or any(not isinstance(one, int) for one in prompt):
            raise InvalidRequest("prompt: this model has no tokenizer, give token ids")
        ids = [one for one in prompt if isinstance(one, int)]
        return check_ids(ids, self._runner.model_config.vocab_size)

    def _sequence(
        self, request_id: str, prompt_ids: list[int], params: SamplingParams, salt: bytes
    ) -> Sequence:
        model = self._runner.model_config
        constraint = self._constraints.compile(params)
        most_useful = constraint.max_tokens if constraint else None
        longest = min(params.max_tokens, most_useful or params.max_tokens)
        room = model.max_model_len - len(prompt_ids)
        if room < 1 or (most_useful and room < longest):
            raise InvalidRequest(
                f"prompt: {len(prompt_ids)} tokens leave {max(room, 0)} of the model's "
                f"{model.max_model_len} for an answer of {longest}"
            )
        most, capacity = len(prompt_ids) + min(longest, room), self.config.num_blocks
        if -(-most // self.config.block_size) > capacity:
            raise InvalidRequest(
                f"prompt: {len(prompt_ids)} tokens and an answer of {min(longest, room)} need "
                f"{-(-most // self.config.block_size)} blocks, the engine has {capacity}"
            )
        self._check_ids_of(params)
        stop_ids = set(params.stop_token_ids) | (
            set() if params.ignore_eos or params.guide else set(model.eos_token_ids)
        )
        decoder = self._tokenizer.stream_decoder() if self._tokenizer else None
        return Sequence(
            request_id=request_id,
            params=params,
            token_ids=prompt_ids,
            num_prompt=len(prompt_ids),
            salt=salt,
            seed=seed_for(self.config.seed, request_id) if params.seed is None else params.seed,
            arrival=next(self._arrivals),
            text=AnswerText(decoder, params.stop),
            constraint=constraint,
            stop_ids=frozenset(stop_ids),
            max_output=min(longest, room),
            deadline=time.monotonic() + params.deadline_s if params.deadline_s else None,
        )

    def _check_ids_of(self, params: SamplingParams) -> None:
        size = self._runner.model_config.vocab_size
        for token_id in [*params.stop_token_ids, *(params.logit_bias or {})]:
            if not 0 <= token_id < size:
                raise InvalidRequest(f"token id {token_id} is outside 0 to {size - 1}")
        if params.stop and self._tokenizer is None:
            raise InvalidRequest("stop: this model has no tokenizer")

    def _resume(self, sequence: Sequence, resume_token_ids: SequenceOf[int]) -> None:
        """Bring a sequence to where it was interrupted, then queue it."""
        size = self._runner.model_config.vocab_size
        for token_id in check_ids(resume_token_ids, size) if resume_token_ids else ():
            sequence.token_ids.append(token_id)
            _, reason = advance(sequence, token_id)
            if reason is not None:
                self._finished_at_birth.append(
                    TokenChunk(request_id=sequence.request_id, finish_reason=reason)
                )
                return
        sequence.num_resumed = len(resume_token_ids)
        self._inbox.append(sequence)

    def _take_inbox(self) -> list[TokenChunk]:
        chunks = []
        for _ in range(len(self._inbox)):
            message = self._inbox.popleft()
            if isinstance(message, Sequence):
                self._scheduler.add(message)
            elif message in self._known:
                chunks.append(self._loop.end(self._known.pop(message), FinishReason.ABORT))
        return chunks

    def _beat(self) -> None:
        for chunk in self.step():
            sink = self._sinks.get(chunk.request_id)
            if sink is not None:
                sink(chunk)

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.clear()
            if self.has_work:
                self._beat()
            else:
                self._wake.wait()


def _speculators(config: EngineConfig) -> list[Speculator]:
    return [NgramSpeculator() for name in config.speculators if name == NGRAM]


def _tokenizer(runner: ModelRunner) -> Tokenizer | None:
    if not (runner.folder / "tokenizer.json").is_file():
        return None
    return Tokenizer(runner.folder, runner.model_config.vocab_size)


def _output(sequence: Sequence, chunks: SequenceOf[TokenChunk]) -> RequestOutput:
    last = chunks[-1]
    if last.finish_reason is FinishReason.ERROR:
        raise EngineError(last.error or "the request failed")
    assert last.finish_reason is not None
    return RequestOutput(
        token_ids=tuple(sequence.token_ids[sequence.num_prompt :]),
        text="".join(chunk.text for chunk in chunks),
        finish_reason=last.finish_reason,
        logprobs=tuple(one for chunk in chunks for one in chunk.logprobs),
        num_prompt_tokens=sequence.num_prompt,
        num_cached_tokens=sequence.num_cached,
        num_steps=sequence.num_steps,
        num_drafted_tokens=sequence.num_drafted,
        num_accepted_tokens=sequence.num_accepted,
    )
