"""The window to inference: a plan's parts as a guide, the engine's chunks as they come."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.answers.context import SHIPPED_WINDOW, Window
from app.answers.free_release import MAX_FREE_TOKENS
from app.answers.parts import Part
from app.errors import Unavailable
from inference import (
    BACKGROUND_PRIORITY,
    ChatMessage,
    Document,
    EngineClient,
    EngineError,
    EngineUnavailable,
    FinishReason,
    QueueFull,
    SamplingParams,
    TokenChunk,
)

# Service words want some variety; the facts are copies at any temperature.
TEMPERATURE = 0.6
# Where the facts are in the model's words it is to stay close to what it has read.
FREE_TEMPERATURE = 0.2
TOP_P = 0.95
MAX_TOKENS = 1_024
DRAFTS_FROM_TEXTS = "suffix"
ANSWER_PRIORITY = 0
DRAFT_PRIORITY = -1
"""Of what an agent waits for: customers' answers go before it."""
BATCH_PRIORITY = BACKGROUND_PRIORITY
"""Of what nobody sits and waits for: it takes a place only where no answer wants one."""
AHEAD_PRIORITY = -10
MAX_CONTEXT_TOKENS = 8_192
"""More history than this helps nobody, whatever a model can hold."""
_SEED_BITS = 62


class Streams(Protocol):
    """What writing an answer needs of an engine, be it a process of its own or in this one."""

    def stream(
        self,
        prompt: Sequence[ChatMessage],
        params: SamplingParams | None = None,
        *,
        salt: bytes = b"",
    ) -> AsyncGenerator[TokenChunk]:
        """Chunk by chunk; closing it ends the request."""
        ...


@dataclass(frozen=True)
class Request:
    """What makes an answer the same again: prompt, parts and seed; `salt` keeps tenants apart."""

    messages: tuple[ChatMessage, ...]
    parts: tuple[Part, ...] | None
    """What the answer is made of; None: the model writes as it likes."""
    seed: int
    salt: bytes
    priority: int = ANSWER_PRIORITY


def seed_of(conversation_id: UUID, seq: int) -> int:
    """The seed of the answer to the message `seq`; a second run of it gives the same text."""
    digest = hashlib.sha256(conversation_id.bytes + seq.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _SEED_BITS)


async def is_teachable(engine: EngineClient) -> bool:
    """Whether the connected engine drafts from texts; to any other they are nothing.

    Raises:
        Unavailable: no engine has been connected yet.
    """
    try:
        info = await engine.info()
    except EngineError as error:
        raise Unavailable(f"The engine cannot learn: {error.message}.") from error
    return DRAFTS_FROM_TEXTS in (info.speculator or "").split(",")


async def teach(
    engine: EngineClient, salt: bytes, documents: Sequence[Document], forgotten: Sequence[str] = ()
) -> None:
    """Let answers under this salt be drafted from these texts, in this life of the engine.

    Raises:
        Unavailable: the engine cannot learn them.
    """
    try:
        await engine.learn(documents, salt=salt, forgotten=forgotten)
    except EngineError as error:
        raise Unavailable(f"The engine cannot learn: {error.message}.") from error


async def read_window(engine: EngineClient) -> Window:
    """What the engine holds; the shipped model's where no engine has answered yet."""
    try:
        info = await engine.info()
    except EngineUnavailable:
        return SHIPPED_WINDOW
    return Window(min(info.max_model_len, MAX_CONTEXT_TOKENS), info.fingerprint)


async def compute_ahead(
    engine: EngineClient, messages: tuple[ChatMessage, ...], salt: bytes
) -> None:
    """Have what this prompt begins with in the engine's cache, once it has nothing else to do.

    Raises:
        Unavailable: it cannot; nothing depends on it.
    """
    params = SamplingParams(max_tokens=0, priority=AHEAD_PRIORITY)
    try:
        async with contextlib.aclosing(engine.stream(messages, params, salt=salt)) as chunks:
            async for _ in chunks:
                pass
    except EngineError as error:
        raise Unavailable(f"Nothing is computed ahead: {error.message}.") from error


async def generate(engine: Streams, request: Request) -> AsyncGenerator[TokenChunk]:
    """The answer chunk by chunk, waiting while the engine's queue is full; use under `aclosing`.

    Raises:
        Unavailable: the engine cannot answer, or stopped in the middle.
    """
    params = _params(request)
    while True:
        try:
            async with contextlib.aclosing(
                engine.stream(request.messages, params, salt=request.salt)
            ) as chunks:
                async for chunk in chunks:
                    if chunk.finish_reason in (FinishReason.ABORT, FinishReason.ERROR):
                        raise Unavailable(f"The engine stopped: {chunk.error or 'aborted'}.")
                    yield chunk
            return
        except QueueFull as full:
            await asyncio.sleep(full.retry_after_s)
        except EngineError as error:
            raise Unavailable(f"The engine cannot answer: {error.message}.") from error


def _params(request: Request) -> SamplingParams:
    parts = request.parts
    return SamplingParams(
        max_tokens=MAX_FREE_TOKENS if parts is None else MAX_TOKENS,
        temperature=FREE_TEMPERATURE if parts is None else TEMPERATURE,
        top_p=TOP_P,
        seed=request.seed,
        priority=request.priority,
        guide=None if parts is None else tuple(part.segment() for part in parts),
    )
