"""A generation told as a chat completion, whole or in chunks."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from app.api.event_stream import event
from app.models import JsonObject
from app.openai.errors import tell
from app.openai.generation import Delta, Ended, Generation
from app.openai.wire import careline_of, chat_usage, logprobs_of, sources
from inference import TokenLogprob


@dataclass(frozen=True)
class Heading:
    """What every part of a completion says of it."""

    id: str
    created: int
    model: str
    fingerprint: str | None
    base_url: str
    """What sources' addresses begin with."""
    ignored: list[str]
    has_logprobs: bool
    has_usage: bool = False

    def document(self, kind: str) -> JsonObject:
        """The beginning of one."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }


async def completion(heading: Heading, generation: Generation) -> JsonObject:
    """The whole answer; raises what the generation raises."""
    text, told = "", list[TokenLogprob]()
    ended: Ended | None = None
    async with contextlib.aclosing(generation) as pieces:
        async for one in pieces:
            if isinstance(one, Ended):
                ended = one
            else:
                text += one.text
                told += one.logprobs
    assert ended is not None, "a generation that does not raise has an end"
    message = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": _annotations(heading, ended, text),
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": _logprobs(heading, told),
        "finish_reason": ended.finish_reason,
    }
    document = heading.document("chat.completion")
    document |= {"choices": [choice], "usage": chat_usage(ended.usage)}
    return document | _extra(heading, ended)


async def chunks(heading: Heading, generation: Generation) -> AsyncGenerator[str]:
    """The answer as events; a failure in the middle is an event too, and the last."""
    text = ""
    try:
        async with contextlib.aclosing(generation) as pieces:
            yield _chunk(heading, {"role": "assistant", "content": "", "refusal": None})
            async for one in pieces:
                if isinstance(one, Delta):
                    text += one.text
                    yield _chunk(heading, {"content": one.text}, told=one.logprobs)
                    continue
                annotations = _annotations(heading, one, text)
                delta: JsonObject = {"annotations": annotations} if annotations else {}
                yield _chunk(
                    heading, delta, finish_reason=one.finish_reason, extra=_extra(heading, one)
                )
                if heading.has_usage:
                    document = heading.document("chat.completion.chunk")
                    yield event(document | {"choices": [], "usage": chat_usage(one.usage)})
    except Exception as error:  # the edge of the stream: its status has been sent
        yield event(tell(error).body)
    yield event("[DONE]")


def _chunk(
    heading: Heading,
    delta: JsonObject,
    *,
    told: tuple[TokenLogprob, ...] = (),
    finish_reason: str | None = None,
    extra: JsonObject | None = None,
) -> str:
    choice: dict[str, Any] = {
        "index": 0,
        "delta": delta,
        "logprobs": _logprobs(heading, told) if told else None,
        "finish_reason": finish_reason,
    }
    document = heading.document("chat.completion.chunk") | {"choices": [choice]}
    if heading.has_usage:
        document["usage"] = None
    return event(document | (extra or {}))


def _annotations(heading: Heading, ended: Ended, text: str) -> list[JsonObject]:
    found = sources(text, ended.citations, heading.base_url)
    return [{"type": one.pop("type"), "url_citation": one} for one in found]


def _logprobs(heading: Heading, told: list[TokenLogprob] | tuple[TokenLogprob, ...]) -> Any:
    return {"content": logprobs_of(told), "refusal": None} if heading.has_logprobs else None


def _extra(heading: Heading, ended: Ended) -> JsonObject:
    return {} if ended.reply is None else {"careline": careline_of(ended.reply, heading.ignored)}
