"""Responses through OpenAI's own Python client."""

import json
from typing import Any

import httpx
import pytest
from openai import BadRequestError

from tests.app.openai.conftest import Dialect
from tests.patience import PATIENCE_S

BASE, GROUNDED = "careline-base", "careline"
QUESTION = "How long is the warranty?"


async def test_a_response_says_what_was_asked_and_what_it_took(dialect: Dialect) -> None:
    create = dialect.client.responses.create
    made = await create(
        model=BASE,
        instructions="Be brief.",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
        temperature=0,  # a drawn answer may be over sooner
        max_output_tokens=3,
        metadata={"ticket": "7"},
    )
    alone = await create(model=BASE, input="Hello", max_output_tokens=3)

    assert made.status == "incomplete" and made.incomplete_details
    assert made.incomplete_details.reason == "max_output_tokens"
    assert made.instructions == "Be brief." and made.metadata == {"ticket": "7"}
    assert made.output_text
    assert made.usage and made.usage.output_tokens == 3
    assert alone.usage and alone.usage.input_tokens < made.usage.input_tokens
    assert made.to_dict()["store"] is False


async def test_the_events_come_in_their_order_and_add_up(stocked: Dialect) -> None:
    create = stocked.client.responses.create
    whole = await create(model=GROUNDED, input=QUESTION)
    events = [one async for one in await create(model=GROUNDED, input=QUESTION, stream=True)]

    kinds = [one.type for one in events]
    deltas = kinds.count("response.output_text.delta")
    sources = kinds.count("response.output_text.annotation.added")
    assert deltas > 1 and sources >= 1
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * deltas,
        *["response.output_text.annotation.added"] * sources,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [one.sequence_number for one in events] == list(range(len(events)))
    text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert text == last.response.output_text == whole.output_text
    assert _parts(last.response) == _parts(whole)
    assert (last.response.model_extra or {})["careline"]["outcome"] == "answered"


def _parts(response: Any) -> list[Any]:
    return [part.model_dump() for item in response.output for part in item.content]


async def test_the_client_reads_a_stream_to_its_final_response(stocked: Dialect) -> None:
    async with stocked.client.responses.stream(model=GROUNDED, input=QUESTION) as stream:
        final = await stream.get_final_response()

    [item] = final.output
    assert item.type == "message"
    [part] = item.content
    assert part.type == "output_text" and "2 years" in part.text
    for one in part.annotations:
        assert one.type == "url_citation"
        assert part.text[one.start_index : one.end_index].startswith("[")


async def test_no_word_follows_the_last_event(dialect: Dialect) -> None:
    headers = {"Authorization": f"Bearer {dialect.secret}"}
    body = {"model": BASE, "input": "Hi", "stream": True, "max_output_tokens": 3, "temperature": 0}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_S) as http:
        answer = await http.post(f"{dialect.base_url}/responses", json=body)

    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    for name, data in blocks:
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"
    assert blocks[-1][0] == "event: response.incomplete"
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_probabilities_and_schemas(dialect: Dialect) -> None:
    create = dialect.client.responses.create
    told = await create(
        model=BASE,
        input="Hi",
        temperature=0,
        max_output_tokens=5,
        include=["message.output_text.logprobs"],
        top_logprobs=2,
    )
    shaped = await create(
        model=BASE,
        input="Hi",
        temperature=0,
        max_output_tokens=60,
        text={
            "format": {"type": "json_schema", "name": "yes", "schema": {"type": "boolean"}},
        },
    )

    [part] = _parts(told)
    assert all(len(one["top_logprobs"]) == 2 for one in part["logprobs"])
    assert isinstance(json.loads(shaped.output_text), bool)


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"include": ["file_search_call.results"]}, "include"),
        ({"input": []}, "input"),
        ({"input": [{"type": "function_call_output", "role": "user"}]}, "input[0].type"),
        ({"model": GROUNDED, "text": {"format": {"type": "json_object"}}}, "text.format"),
    ],
)
async def test_what_is_not_supported_is_refused_by_name(
    dialect: Dialect, changed: dict[str, Any], param: str
) -> None:
    body: dict[str, Any] = {"model": BASE, "input": "Hi", "max_output_tokens": 4} | changed

    with pytest.raises(BadRequestError) as refused:
        await dialect.client.post("/responses", body=body, cast_to=httpx.Response)

    assert refused.value.param == param
