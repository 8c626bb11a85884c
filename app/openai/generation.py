"""What both models give, and both ways of asking tell: pieces of text, then how it ended.

`careline` is the grounded pipeline of the chat, `careline-base` the engine without any of it.
"""

import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from app.answers.ask import Asked, AskOnce, Reply, Said
from app.conversations.schemas import Citation
from app.errors import Unavailable
from app.openai.errors import BadParameter, from_engine
from app.vocabulary import Phase, Role
from inference import (
    ChatMessage,
    EngineClient,
    EngineError,
    FinishReason,
    SamplingParams,
    TokenChunk,
    TokenLogprob,
)

GROUNDED, BASE = "careline", "careline-base"
MODELS = (GROUNDED, BASE)
"""Those that say something."""
EMBEDDINGS = "careline-embeddings"
MAX_HISTORY = 10
"""Messages before the question that the grounded model reads."""
DEFAULT_MAX_TOKENS = 1_024
_DEADLINE_S = 600.0

Speaker = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Spoken:
    """One message of a request, its parts joined."""

    role: Speaker
    text: str


@dataclass(frozen=True)
class Sampling:
    """How the bare engine is to draw; None is the default of the dialect."""

    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    json_schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens as the engine counted them."""

    num_prompt: int
    num_cached: int
    num_output: int


@dataclass(frozen=True)
class Delta:
    """New text."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Ended:
    """The last of a generation; `reply` is what the grounded model knows besides."""

    finish_reason: Literal["stop", "length"]
    usage: Usage
    citations: tuple[Citation, ...] = ()
    reply: Reply | None = None


Generation = AsyncGenerator[Delta | Ended]


async def write_base(
    engine: EngineClient, spoken: tuple[Spoken, ...], sampling: Sampling, salt: bytes
) -> Generation:
    """The bare engine's answer; closing it aborts within a step.

    Raises:
        BadParameter: the engine refuses the request; the parameter is named.
        Unavailable: it cannot answer.
    """
    usage = Usage(0, 0, 0)
    try:
        params = _params(sampling, (await engine.info()).max_model_len)
        messages = [ChatMessage(role=one.role, text=one.text) for one in spoken]
        async with contextlib.aclosing(engine.stream(messages, params, salt=salt)) as chunks:
            async for chunk in chunks:
                usage = _counted(usage, chunk)
                if chunk.text or chunk.logprobs:
                    yield Delta(chunk.text, chunk.logprobs)
                if chunk.finish_reason is not None:
                    yield _ended(chunk, usage)
    except EngineError as error:
        raise from_engine(error) from error


async def write_grounded(
    ask_once: AskOnce, workspace_id: UUID, spoken: tuple[Spoken, ...], seed: int | None
) -> Generation:
    """The bot's answer to the last message, with its sources at the end.

    Raises:
        BadParameter: the last message is not the user's, or says nothing.
        Unavailable: the engine cannot answer.
    """
    said = [one for one in spoken if one.role != "system"]
    if not said or said[-1].role != "user":
        raise BadParameter("messages", "The last message must be the user's.")
    if not said[-1].text.strip():
        raise BadParameter("messages", "The last message has no text.")
    roles = {"user": Role.CUSTOMER, "assistant": Role.BOT}
    history = tuple(Said(roles[one.role], one.text) for one in said[-1 - MAX_HISTORY : -1])
    asked = Asked(said[-1].text, history, seed=seed)
    async with contextlib.aclosing(ask_once.stream(workspace_id, asked)) as news:
        async for one in news:
            if isinstance(one, Reply):
                cost = one.cost
                usage = Usage(
                    cost.num_prompt_tokens, cost.num_cached_tokens, cost.num_output_tokens
                )
                yield Ended("stop", usage, one.citations, one)
            elif not isinstance(one, Phase):
                yield Delta(one)


def _params(sampling: Sampling, max_model_len: int) -> SamplingParams:
    schema = sampling.json_schema
    return SamplingParams(
        max_tokens=min(sampling.max_tokens or DEFAULT_MAX_TOKENS, max_model_len),
        temperature=sampling.temperature,
        top_p=max(sampling.top_p, 1e-6),
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        logit_bias=sampling.logit_bias,
        seed=sampling.seed,
        stop=sampling.stop,
        logprobs=sampling.top_logprobs,
        json_schema=None if schema is None else json.dumps(schema),
        deadline_s=_DEADLINE_S,
    )


def _counted(usage: Usage, chunk: TokenChunk) -> Usage:
    num_output = usage.num_output + len(chunk.token_ids)
    return Usage(chunk.num_prompt_tokens, chunk.num_cached_tokens, num_output)


def _ended(chunk: TokenChunk, usage: Usage) -> Ended:
    match chunk.finish_reason:
        case FinishReason.STOP:
            return Ended("stop", usage)
        case FinishReason.LENGTH:
            return Ended("length", usage)
    raise Unavailable(f"The engine stopped: {chunk.error or 'aborted'}.")
