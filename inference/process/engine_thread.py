"""The thread an engine lives in: it is built here, and everything it does happens between steps.

The event loop of the engine process never waits for a step and the engine never waits for a
socket: orders come in through a queue, news goes out through `call_soon_threadsafe`.
"""

import asyncio
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, TypeVarTuple

from inference.document import Document
from inference.errors import EngineError, EngineUnavailable, QueueFull
from inference.metrics import MetricsSnapshot
from inference.process.admission import Admission, Ticket
from inference.request import EngineInfo, Prompt, SamplingParams, TokenChunk

logger = logging.getLogger(__name__)

BROKEN_EXIT_CODE = 70

Value = TypeVar("Value")
Args = TypeVarTuple("Args")


class SteppingEngine(Protocol):
    """What the thread needs of an engine: the real one and the scripted one."""

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        ...

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
        """Queue a request, or raise InvalidRequest or QueueFull."""
        ...

    def step(self) -> list[TokenChunk]:
        """One beat; what every request gained."""
        ...

    def abort(self, request_id: str) -> None:
        """End a request within one step; unknown ids are ignored."""
        ...

    def metrics(self) -> MetricsSnapshot:
        """The figures of this moment."""
        ...

    def learn(
        self, documents: Sequence[Document], *, salt: bytes, forgotten: Sequence[str] = ()
    ) -> None:
        """Let drafts of this salt come from these texts; from any thread, while it steps."""
        ...

    def info(self) -> EngineInfo:
        """What is running."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class EngineThread:
    """Starts an engine, steps it while it has work, and sleeps when it has none."""

    def __init__(
        self,
        build: Callable[[], SteppingEngine],
        admission: Admission,
        on_chunks: Callable[[list[TokenChunk]], None],
        on_refused: Callable[[str, EngineError], None],
    ) -> None:
        self._build = build
        self._admission = admission
        self._on_chunks = on_chunks
        self._on_refused = on_refused
        self._orders: queue.SimpleQueue[Callable[[SteppingEngine], None]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[EngineInfo] = self._loop.create_future()
        self._engine: SteppingEngine | None = None
        self._is_stopping = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.num_steps = 0

    async def start(self) -> EngineInfo:
        """Build the engine.

        Raises:
            EngineError: it cannot be built; a ModelLoadError says which file is to blame.
        """
        self._thread.start()
        return await self._started

    @property
    def step_age_s(self) -> float:
        """For how long the thread has worked without finishing a step; 0 when it waits for work."""
        busy_since = self._busy_since
        return 0.0 if busy_since is None else time.monotonic() - busy_since

    def submit(self, ticket: Ticket) -> None:
        """Let a request in as soon as its turn comes; a refusal comes through `on_refused`."""

        def order(_: SteppingEngine) -> None:
            try:
                self._admission.add(ticket)
            except QueueFull as error:
                self._post(self._on_refused, ticket.engine_id, error)

        self._orders.put(order)

    def abort(self, engine_id: str) -> None:
        """End a request before the next step; chunks already under way may still arrive."""

        def order(engine: SteppingEngine) -> None:
            engine.abort(engine_id)
            self._admission.leave(engine_id)

        self._orders.put(order)

    async def metrics(self) -> MetricsSnapshot:
        """The engine's figures after the present step; who waits at the door waits too."""
        answer: asyncio.Future[MetricsSnapshot] = self._loop.create_future()

        def order(engine: SteppingEngine) -> None:
            snapshot = engine.metrics()
            snapshot.values["num_waiting"] += self._admission.num_waiting
            self._post(_settle, answer, snapshot)

        self._orders.put(order)
        return await answer

    async def learn(
        self, documents: Sequence[Document], salt: bytes, forgotten: Sequence[str]
    ) -> None:
        """Have the engine learn, in a thread beside its own: no step waits for an index.

        Raises:
            InvalidRequest: a document does not fit the engine's vocabulary.
        """
        if self._engine is None:
            raise EngineUnavailable("the engine is not built")
        await asyncio.to_thread(self._engine.learn, documents, salt=salt, forgotten=forgotten)

    async def stop(self, timeout_s: float) -> bool:
        """Close the engine after the present step; False when that step does not end in time."""

        def order(_: SteppingEngine) -> None:
            self._is_stopping = True

        self._orders.put(order)
        await asyncio.to_thread(self._thread.join, timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            engine = self._build()
        except EngineError as error:
            self._post(_fail, self._started, error)
            return
        except Exception as error:
            logger.exception("the engine cannot be built")
            self._post(_fail, self._started, EngineError(f"{type(error).__name__}: {error}"))
            return
        self._engine = engine
        self._post(_settle, self._started, engine.info())
        try:
            while not self._is_stopping:
                self._beat(engine)
            engine.close()
        except Exception:
            # Its state can no longer be trusted. A new process and resubmission can.
            logger.critical("a step failed, the process ends", exc_info=True)
            logging.shutdown()
            os._exit(BROKEN_EXIT_CODE)

    def _beat(self, engine: SteppingEngine) -> None:
        self._obey(engine)
        while self._admission.can_admit:
            if not self._let_in(engine, self._admission.admit()):
                break
        if not engine.has_work:
            return
        chunks = engine.step()
        self.num_steps += 1
        self._busy_since = time.monotonic()
        for chunk in chunks:
            if chunk.finish_reason is not None:
                self._admission.leave(chunk.request_id)
            elif chunk.token_ids:
                self._admission.acquit(chunk.request_id)
        if chunks:
            self._post(self._on_chunks, chunks)

    def _obey(self, engine: SteppingEngine) -> None:
        """Carry out all orders; wait for one when there is nothing else to do."""
        if not engine.has_work and not self._admission.can_admit:
            self._busy_since = None
            order = self._orders.get()
            self._busy_since = time.monotonic()
            order(engine)
        while not self._orders.empty():
            self._orders.get()(engine)

    def _let_in(self, engine: SteppingEngine, ticket: Ticket) -> bool:
        """Hand a request to the engine; False when there is no room and it has to wait."""
        question = ticket.question
        try:
            engine.submit(
                ticket.engine_id,
                question.prompt,
                question.params,
                salt=question.salt,
                resume_token_ids=question.resume_token_ids,
                arrived_s=ticket.arrived_s,
            )
        except QueueFull as error:
            if ticket.is_again:
                self._admission.put_back(ticket)
                return False
            self._refuse(ticket, error)
        except EngineError as error:
            self._refuse(ticket, error)
        except Exception as error:
            logger.exception("a request could not be taken in")
            self._refuse(ticket, EngineError(f"{type(error).__name__} while it was taken in"))
        return True

    def _refuse(self, ticket: Ticket, error: EngineError) -> None:
        self._admission.leave(ticket.engine_id)
        self._post(self._on_refused, ticket.engine_id, error)

    def _post(self, callback: Callable[[*Args], None], *args: *Args) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # The loop is closed: the process is at its end, nobody listens.
            logger.debug("news after the end of the loop")


def _settle(future: asyncio.Future[Value], value: Value) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Value], error: EngineError) -> None:
    if not future.done():
        future.set_exception(error)
