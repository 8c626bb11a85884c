"""Keys, models and failures of the dialect, told as OpenAI tells them."""

from pathlib import Path

import pytest
from openai import (
    APIError,
    AsyncOpenAI,
    AsyncStream,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from openai.types.chat import ChatCompletionChunk

from app.api.limits import Limits
from app.api.scopes import Scope
from app.engines import Engine
from inference import EngineClient
from tests.api_client import make_key
from tests.app.openai.conftest import Dialect
from tests.engine_processes import quick_settings, running, write_script


async def ask(client: AsyncOpenAI, model: str = "careline-base", text: str = "Hi") -> None:
    messages = [{"role": "user", "content": text}]
    body = {"model": model, "messages": messages, "max_tokens": 2}
    await client.post("/chat/completions", body=body, cast_to=object)


async def test_the_models_are_listed_and_found(dialect: Dialect) -> None:
    listed = [one.id async for one in dialect.client.models.list()]
    one = await dialect.client.models.retrieve("careline")

    assert listed == ["careline", "careline-base", "careline-embeddings"]
    assert (one.id, one.object, one.owned_by) == ("careline", "model", "careline")
    with pytest.raises(NotFoundError) as unknown:
        await dialect.client.models.retrieve("gpt-9")
    with pytest.raises(NotFoundError) as elsewhere:
        await ask(dialect.client, model="gpt-9")
    assert unknown.value.code == elsewhere.value.code == "model_not_found"
    assert elsewhere.value.param == "model"


async def test_keys_that_do_not_fit_are_told_apart(dialect: Dialect) -> None:
    parts, shop = dialect.served.parts, dialect.served.shop
    reader = await make_key(parts, shop, Scope.CONTACTS_READ)

    with pytest.raises(AuthenticationError) as wrong:
        await ask(dialect.client.with_options(api_key="ck_live_wrong"))
    with pytest.raises(PermissionDeniedError) as lacking:
        await ask(dialect.client.with_options(api_key=reader))

    assert wrong.value.code == "invalid_api_key"
    assert lacking.value.code == "insufficient_permissions" and "llm:invoke" in str(lacking.value)
    assert wrong.value.body and "message" in str(wrong.value.body)


async def test_who_asks_too_often_is_told_when_to_come_again(dialect: Dialect) -> None:
    dialect.served.parts.api_limits = Limits(per_s=0.01, burst=1)
    await dialect.client.models.list()

    with pytest.raises(RateLimitError) as limited:
        await dialect.client.models.list()

    assert limited.value.code == "rate_limit_exceeded"
    assert int(limited.value.response.headers["retry-after"]) > 1


async def test_what_this_server_does_not_have_is_told_in_the_same_shape(dialect: Dialect) -> None:
    with pytest.raises(NotFoundError) as stored:
        await dialect.client.responses.retrieve("resp_1")
    with pytest.raises(NotFoundError) as older:
        await dialect.client.completions.create(model="careline", prompt="Hi")

    assert stored.value.type == older.value.type == "invalid_request_error"
    assert "GET /v1/responses/resp_1" in stored.value.message
    assert "POST /v1/completions" in older.value.message


async def test_a_body_that_is_no_json_is_told_in_the_same_shape(dialect: Dialect) -> None:
    with pytest.raises(BadRequestError) as broken:
        await dialect.client.post("/chat/completions", content=b"{", cast_to=object)

    assert "not JSON" in broken.value.message
    assert broken.value.type == "invalid_request_error"


async def test_an_engine_that_fails_is_told_before_and_in_the_middle(
    dialect: Dialect, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("script")
    crash: dict[str, object] = {"match": "crash", "chunks": ["One ", "two "], "then": "crash"}
    async with running(quick_settings(write_script(folder / "s.jsonl", crash)), folder) as scripted:
        dialect.served.parts.engine = Engine(scripted.client)
        with pytest.raises(BadRequestError):
            await ask(dialect.client, text="nothing matches this")
        stream = await dialect.client.chat.completions.create(
            model="careline-base", messages=[{"role": "user", "content": "crash"}], stream=True
        )
        said: list[str | None] = []
        with pytest.raises(APIError) as failed:
            await _hear(stream, said)
        events = [
            one.type
            async for one in await dialect.client.responses.create(
                model="careline-base", input="crash", stream=True
            )
        ]

    assert "".join(filter(None, said)) in ("One ", "One two "), "a crash may swallow its last words"
    assert "died" in failed.value.message
    assert events[-1] == "response.failed"


async def _hear(stream: AsyncStream[ChatCompletionChunk], said: list[str | None]) -> None:
    async for chunk in stream:
        said.append(chunk.choices[0].delta.content)


async def test_without_an_engine_it_is_unavailable(dialect: Dialect) -> None:
    dialect.served.parts.engine = None

    with pytest.raises(InternalServerError) as away:
        await ask(dialect.client)

    assert away.value.status_code == 503
    assert away.value.response.headers["retry-after"]


async def test_an_engine_that_never_came_is_unavailable(dialect: Dialect, tmp_path: Path) -> None:
    dialect.served.parts.engine = Engine(EngineClient(tmp_path / "nobody.sock"))

    with pytest.raises(InternalServerError) as away:
        await ask(dialect.client)

    assert away.value.status_code == 503
