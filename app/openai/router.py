"""Chat completions, responses, embeddings and models, as OpenAI's own clients speak them."""

from typing import Annotated
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.answers.router import asking
from app.api.event_stream import EventStream, begun, while_connected
from app.api.keys import ApiCaller, require
from app.api.routes import api_router
from app.api.scopes import Scope
from app.dependencies import PartsDep
from app.errors import Unavailable
from app.models import JsonObject
from app.openai import chat, responses
from app.openai.chat_schemas import ChatRequest
from app.openai.embeddings import EmbeddingsRequest, embed
from app.openai.errors import NoSuchModel
from app.openai.generation import (
    EMBEDDINGS,
    GROUNDED,
    MODELS,
    Generation,
    Sampling,
    Spoken,
    write_base,
    write_grounded,
)
from app.openai.responses_schemas import ResponsesRequest
from app.openai.routes import OpenAiRoute
from app.parts import Parts
from inference import EngineUnavailable

Invokes = Annotated[ApiCaller, require(Scope.LLM_INVOKE)]

router = api_router("", "openai", OpenAiRoute)
_NAMED_AT = 1_767_225_600
"""When the models got their names, in Unix time: the beginning of 2026."""


@router.post("/chat/completions", response_model=None)
async def create_chat_completion(
    caller: Invokes, parts: PartsDep, request: Request, body: ChatRequest
) -> Response:
    """An answer to messages, by the grounded pipeline (`careline`) or the engine alone."""
    spoken = body.spoken()
    generation = await _begin(parts, caller, body.model, spoken, body.seed, body.sampling())
    heading = chat.Heading(
        id=f"chatcmpl-{uuid4().hex}",
        created=int(parts.clock().timestamp()),
        model=body.model,
        fingerprint=await _fingerprint(parts),
        base_url=str(request.base_url),
        ignored=body.ignored(spoken),
        has_logprobs=bool(body.logprobs),
        has_usage=body.wants_usage,
    )
    if body.stream:
        return EventStream(chat.chunks(heading, await begun(generation)))
    return JSONResponse(await while_connected(request, chat.completion(heading, generation)))


@router.post("/responses", response_model=None)
async def create_response(
    caller: Invokes, parts: PartsDep, request: Request, body: ResponsesRequest
) -> Response:
    """The same as a response; nothing of it is stored."""
    spoken = body.spoken()
    generation = await _begin(parts, caller, body.model, spoken, None, body.sampling())
    made = responses.Response(
        id=f"resp_{uuid4().hex}",
        item_id=f"msg_{uuid4().hex}",
        created=int(parts.clock().timestamp()),
        model=body.model,
        base_url=str(request.base_url),
        ignored=body.ignored(spoken),
        echo=body.echo(),
    )
    if body.stream:
        return EventStream(responses.events(made, await begun(generation)))
    return JSONResponse(await while_connected(request, responses.whole(made, generation)))


@router.post("/embeddings")
async def create_embeddings(
    caller: Invokes, parts: PartsDep, body: EmbeddingsRequest
) -> JsonObject:
    """Texts as vectors, by the encoder that the search of articles uses."""
    return await embed(await parts.library.meaning(), body)


@router.get("/models")
async def list_models(caller: Invokes) -> JsonObject:
    """The models there are."""
    return {"object": "list", "data": [_model(name) for name in (*MODELS, EMBEDDINGS)]}


@router.get("/models/{model}")
async def read_model(caller: Invokes, model: str) -> JsonObject:
    """One of them."""
    if model not in (*MODELS, EMBEDDINGS):
        raise NoSuchModel(model)
    return _model(model)


async def _begin(
    parts: Parts,
    caller: ApiCaller,
    model: str,
    spoken: tuple[Spoken, ...],
    seed: int | None,
    sampling: Sampling,
) -> Generation:
    if parts.engine is None:
        raise Unavailable
    client, workspace_id = parts.engine.client, caller.workspace_id
    if model != GROUNDED:
        return write_base(client, spoken, sampling, parts.secrets.prefix_salt(workspace_id))
    return write_grounded(asking(parts), workspace_id, spoken, seed)


async def _fingerprint(parts: Parts) -> str | None:
    """Changes with the model that the engine runs; None where none has answered yet."""
    assert parts.engine is not None, "a generation has begun"
    try:
        info = await parts.engine.client.info()
    except EngineUnavailable:
        return None
    return f"fp_{info.fingerprint[:12]}"


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": _NAMED_AT, "owned_by": "careline"}
