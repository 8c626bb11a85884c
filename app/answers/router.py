"""`/v1/answers`: ask once, outside of any conversation."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.answers.ask import AskOnce, Reply
from app.answers.schemas import Answer, Question
from app.api.event_stream import MEDIA_TYPE, EventStream, begun, event, while_connected
from app.api.keys import ApiCaller, require
from app.api.routes import api_router
from app.api.scopes import Scope
from app.dependencies import PartsDep
from app.errors import AppError, Unavailable
from app.parts import Parts
from app.vocabulary import Phase

router = api_router("/answers", "answers")

Asks = Annotated[ApiCaller, require(Scope.ANSWERS_CREATE)]


@router.post(
    "",
    response_model=Answer,
    responses={
        200: {
            "description": "The answer; with `stream` the events `phase`, `delta`, `answer`, or "
            "`error` where it cannot go on.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
async def ask(caller: Asks, parts: PartsDep, request: Request, body: Question) -> Response:
    """Answer from the articles, with sources, or say that a person should. Nothing is stored."""
    ask_once = asking(parts)
    if body.stream:
        news = await begun(ask_once.stream(caller.workspace_id, body.asked()))
        return EventStream(_events(news, body))
    reply = await while_connected(request, ask_once.reply(caller.workspace_id, body.asked()))
    return JSONResponse(Answer.of(reply, body.attributes).model_dump(mode="json"))


def asking(parts: Parts) -> AskOnce:
    """Who answers single questions.

    Raises:
        Unavailable: there is no engine.
    """
    if parts.engine is None:
        raise Unavailable
    return AskOnce(
        parts.database,
        parts.library,
        parts.engine.client,
        salt_of=parts.secrets.prefix_salt,
        timeout_s=parts.settings.answer_timeout_s,
    )


async def _events(news: AsyncGenerator[Phase | str | Reply], body: Question) -> AsyncGenerator[str]:
    try:
        async with contextlib.aclosing(news) as told:
            async for one in told:
                if isinstance(one, Reply):
                    answer = Answer.of(one, body.attributes).model_dump(mode="json")
                    yield event(answer, "answer")
                elif isinstance(one, Phase):
                    yield event({"phase": one.value}, "phase")
                else:
                    yield event({"text": one}, "delta")
    except AppError as error:  # its status has been sent
        yield event({"code": error.code, "detail": error.sentence}, "error")
