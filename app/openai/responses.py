"""A generation told as a response, whole or as its documented events, in their order.

`response.created`, `.in_progress`, `.output_item.added`, `.content_part.added`, then
`.output_text.delta` and `.output_text.annotation.added`, `.output_text.done`, `.content_part.done`,
`.output_item.done`, and `.completed`, `.incomplete` or `.failed`; each has the next number.
"""

import contextlib
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from app.api.event_stream import event
from app.models import JsonObject
from app.openai.errors import tell
from app.openai.generation import Delta, Ended, Generation
from app.openai.wire import careline_of, logprobs_of, response_usage, sources


@dataclass
class Response:
    """A response in the making."""

    id: str
    item_id: str
    created: int
    model: str
    base_url: str
    """What sources' addresses begin with."""
    ignored: list[str]
    echo: JsonObject
    text: str = ""
    logprobs: list[JsonObject] = field(default_factory=list)
    annotations: list[JsonObject] = field(default_factory=list)
    ended: Ended | None = None
    error: JsonObject | None = None

    def take(self, one: Delta | Ended) -> None:
        """What the generation gave."""
        if isinstance(one, Delta):
            self.text += one.text
            self.logprobs += logprobs_of(one.logprobs)
        else:
            self.ended = one
            self.annotations = sources(self.text, one.citations, self.base_url)

    @property
    def status(self) -> str:
        """Where it stands."""
        if self.error is not None:
            return "failed"
        if self.ended is None:
            return "in_progress"
        return "completed" if self.ended.finish_reason == "stop" else "incomplete"

    def part(self) -> JsonObject:
        """The one part of its one message."""
        return {
            "type": "output_text",
            "text": self.text,
            "annotations": self.annotations,
            "logprobs": self.logprobs,
        }

    def item(self, content: list[JsonObject] | None = None) -> JsonObject:
        """Its one message."""
        return {
            "type": "message",
            "id": self.item_id,
            "status": self.status,
            "role": "assistant",
            "content": [self.part()] if content is None else content,
        }

    def document(self) -> JsonObject:
        """All of it as it is now."""
        is_cut = self.status == "incomplete"
        reply = self.ended.reply if self.ended else None
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": self.status,
            "background": False,
            "error": self.error,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "model": self.model,
            "output": [] if self.ended is None else [self.item()],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default",
            "store": False,
            "tool_choice": "auto",
            "tools": [],
            "truncation": "disabled",
            "usage": response_usage(self.ended.usage) if self.ended else None,
            **self.echo,
            **({"careline": careline_of(reply, self.ignored)} if reply else {}),
        }


async def whole(response: Response, generation: Generation) -> JsonObject:
    """The response when it is made; raises what the generation raises."""
    async with contextlib.aclosing(generation) as pieces:
        async for one in pieces:
            response.take(one)
    return response.document()


async def events(response: Response, generation: Generation) -> AsyncGenerator[str]:
    """The response as events; a failure in the middle is `response.failed`."""
    numbers = itertools.count()

    def told(kind: str, **fields: Any) -> str:
        name = f"response.{kind}"
        return event({"type": name, "sequence_number": next(numbers), **fields}, name)

    place = {"item_id": response.item_id, "output_index": 0, "content_index": 0}
    try:
        async with contextlib.aclosing(generation) as pieces:
            yield told("created", response=response.document())
            yield told("in_progress", response=response.document())
            yield told("output_item.added", output_index=0, item=response.item([]))
            yield told("content_part.added", **place, part=response.part())
            async for one in pieces:
                response.take(one)
                if isinstance(one, Delta):
                    logprobs = logprobs_of(one.logprobs)
                    yield told("output_text.delta", **place, delta=one.text, logprobs=logprobs)
            for at, source in enumerate(response.annotations):
                fields = {"annotation_index": at, "annotation": source}
                yield told("output_text.annotation.added", **place, **fields)
            final = {"text": response.text, "logprobs": response.logprobs}
            yield told("output_text.done", **place, **final)
            yield told("content_part.done", **place, part=response.part())
            yield told("output_item.done", output_index=0, item=response.item())
            yield told(response.status, response=response.document())
    except Exception as error:  # the edge of the stream: its status has been sent
        failure = tell(error)
        response.error = {"code": "server_error", "message": failure.message}
        yield told("failed", response=response.document())
