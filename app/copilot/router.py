"""`/v1/conversations/{id}/suggest`: a reply for an agent's composer; nothing is stored or sent."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Self
from uuid import UUID

from fastapi import Body, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field

from app import access
from app.api.event_stream import MEDIA_TYPE, EventStream, begun, event, while_connected
from app.api.keys import ApiCaller, require
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.values import Body as Sent
from app.api.values import Flag, Resource
from app.conversations.schemas import Citation
from app.copilot.service import SuggestedReply, stream_reply, suggest_reply
from app.copilot.writing_desk import writing_desk
from app.dependencies import PartsDep
from app.errors import AppError

router = api_router("/conversations/{conversation_id}", "conversations")

Suggests = Annotated[ApiCaller, require(Scope.CONVERSATIONS_WRITE, Scope.ANSWERS_CREATE)]


class SuggestBody(Sent):
    """How the suggestion is to come."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"stream": False}]})

    stream: Flag = False


class Suggestion(Resource):
    """A reply to look over before it is sent."""

    text: str = Field(description="Empty: no article says anything about it.")
    citations: list[Citation] = Field(description="Where its facts stand; it has no markers.")

    @classmethod
    def of(cls, reply: SuggestedReply) -> Self:
        """As it is sent."""
        return cls(text=reply.text, citations=list(reply.sources))


@router.post(
    "/suggest",
    response_model=Suggestion,
    responses={
        200: {
            "description": "The suggestion; with `stream` the events `delta`, `suggestion`, or "
            "`error` where it cannot go on.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
async def suggest(
    conversation_id: UUID,
    caller: Suggests,
    parts: PartsDep,
    request: Request,
    body: Annotated[SuggestBody, Body()] = SuggestBody(),  # noqa: B008  # frozen
) -> Response:
    """Write from the articles what an agent could reply to what the customer said last.

    Nothing is stored, and the customer sees nothing of it. Customers' answers go before it.
    """
    async with parts.database.snapshot() as session:  # told first, whatever the engine does
        await access.conversation(session, caller.agent, conversation_id)
    desk = writing_desk(parts)
    if body.stream:
        pieces = await begun(stream_reply(desk, caller.agent, conversation_id))
        return EventStream(_events(pieces))
    making = suggest_reply(desk, caller.agent, conversation_id, lambda _: None)
    reply = await while_connected(request, making)
    return JSONResponse(Suggestion.of(reply).model_dump(mode="json"))


async def _events(pieces: AsyncGenerator[str | SuggestedReply]) -> AsyncGenerator[str]:
    try:
        async with contextlib.aclosing(pieces) as told:
            async for one in told:
                if isinstance(one, SuggestedReply):
                    yield event(Suggestion.of(one).model_dump(mode="json"), "suggestion")
                else:
                    yield event({"text": one}, "delta")
    except AppError as error:  # its status has been sent
        yield event({"code": error.code, "detail": error.sentence}, "error")
