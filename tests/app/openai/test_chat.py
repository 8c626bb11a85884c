"""Chat completions through OpenAI's own Python client."""

import asyncio
import json
import math
from typing import Any

import httpx
import pytest
from openai import BadRequestError

from tests.app.openai.conftest import Dialect
from tests.engine_processes import until_running
from tests.patience import PATIENCE_S

BASE, GROUNDED = "careline-base", "careline"
HELLO: list[Any] = [{"role": "user", "content": "Hello, where is my order?"}]
QUESTION: list[Any] = [
    {"role": "system", "content": "Talk like a pirate."},
    {"role": "user", "content": [{"type": "text", "text": "How long is the warranty?"}]},
]


async def test_the_bare_engine_answers_and_counts(dialect: Dialect) -> None:
    create = dialect.client.chat.completions.create
    first = await create(model=BASE, messages=HELLO, max_tokens=12, seed=5)
    again = await create(model=BASE, messages=HELLO, max_completion_tokens=12, seed=5)
    other = await create(model=BASE, messages=HELLO, max_tokens=12, seed=6)

    [choice] = first.choices
    assert choice.message.content == again.choices[0].message.content
    assert choice.message.content != other.choices[0].message.content
    assert choice.finish_reason == "length"
    assert first.model == BASE and first.id.startswith("chatcmpl-")
    assert first.usage and first.usage.completion_tokens == 12
    assert first.usage.total_tokens == first.usage.prompt_tokens + 12
    assert again.usage and again.usage.prompt_tokens_details
    assert again.usage.prompt_tokens_details.cached_tokens, "the prompt's blocks are known"


async def test_a_stream_adds_up_to_the_whole(dialect: Dialect) -> None:
    create = dialect.client.chat.completions.create
    whole = await create(model=BASE, messages=HELLO, max_tokens=24, seed=5)
    stream = await create(
        model=BASE,
        messages=HELLO,
        max_tokens=24,
        seed=5,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    said = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert said[0].delta.role == "assistant"
    text = "".join(one.delta.content or "" for one in said)
    assert text == whole.choices[0].message.content
    assert [one.finish_reason for one in said if one.finish_reason] == ["length"]
    assert chunks[-1].choices == [] and chunks[-1].usage and whole.usage
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


async def test_a_stop_text_ends_the_answer_before_it(dialect: Dialect) -> None:
    create = dialect.client.chat.completions.create
    whole = await create(model=BASE, messages=HELLO, max_tokens=24, temperature=0)
    text = whole.choices[0].message.content or ""
    stop = next(char for char in text[3:] if char.isascii() and char not in text[:3])
    cut = await create(model=BASE, messages=HELLO, max_tokens=24, temperature=0, stop=stop)

    assert cut.choices[0].message.content == text[: text.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


async def test_probabilities_come_with_their_bytes(dialect: Dialect) -> None:
    answer = await dialect.client.chat.completions.create(
        model=BASE, messages=HELLO, max_tokens=9, temperature=0, logprobs=True, top_logprobs=3
    )

    [choice] = answer.choices
    assert choice.logprobs and choice.logprobs.content
    spelled = b"".join(bytes(one.bytes or []) for one in choice.logprobs.content)
    assert spelled.decode(errors="replace") == choice.message.content
    for one in choice.logprobs.content:
        assert len(one.top_logprobs) == 3
        best = one.top_logprobs[0]
        assert (best.bytes, best.logprob) == (one.bytes, one.logprob), "greedy takes the best"
        assert math.exp(one.logprob) <= 1


async def test_an_answer_can_be_made_to_fit_a_schema(dialect: Dialect) -> None:
    schema = {
        "type": "object",
        "properties": {"urgent": {"type": "boolean"}, "team": {"enum": ["billing", "delivery"]}},
        "required": ["urgent", "team"],
        "additionalProperties": False,
    }
    answer = await dialect.client.chat.completions.create(
        model=BASE,
        messages=HELLO,
        max_tokens=200,
        seed=1,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "sorted", "schema": schema, "strict": True},
        },
    )

    value = json.loads(answer.choices[0].message.content or "")
    assert value.keys() == {"urgent", "team"} and value["team"] in ("billing", "delivery")


async def test_the_grounded_model_cites_and_tells_what_it_did_not_use(stocked: Dialect) -> None:
    create = stocked.client.chat.completions.create
    answer = await create(model=GROUNDED, messages=QUESTION, temperature=0.2, max_tokens=50)

    message = answer.choices[0].message
    assert message.content and "2 years" in message.content
    assert message.annotations
    for one in message.annotations:
        cited = one.url_citation
        assert message.content[cited.start_index : cited.end_index].startswith("[")
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            page = await http.get(cited.url)
        assert page.status_code == 200 and "warranty" in page.text
    told = (answer.model_extra or {})["careline"]
    assert (told["outcome"], told["reason"]) == ("answered", "evidence")
    assert told["ignored"] == ["temperature", "max_tokens", "system"]
    assert answer.usage and answer.usage.prompt_tokens and answer.usage.completion_tokens


async def test_a_grounded_stream_ends_with_its_sources(stocked: Dialect) -> None:
    create = stocked.client.chat.completions.create
    whole = await create(model=GROUNDED, messages=QUESTION, seed=4)
    chunks = [c async for c in await create(model=GROUNDED, messages=QUESTION, seed=4, stream=True)]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    last = chunks[-1].choices[0]
    assert last.finish_reason == "stop"
    assert [one["url_citation"] for one in (last.delta.model_extra or {})["annotations"]] == [
        one.url_citation.model_dump() for one in whole.choices[0].message.annotations or []
    ]


async def test_the_history_is_read_and_no_evidence_is_normal_text(stocked: Dialect) -> None:
    create = stocked.client.chat.completions.create
    unknown = await create(
        model=GROUNDED, messages=[{"role": "user", "content": "Do you sell moon rockets?"}]
    )
    said = unknown.choices[0].message
    wish = await create(
        model=GROUNDED,
        messages=[
            {"role": "user", "content": "Do you sell moon rockets?"},
            {"role": "assistant", "content": said.content or ""},
            {"role": "user", "content": "Yes, please."},
        ],
    )

    assert (unknown.model_extra or {})["careline"]["outcome"] == "unknown"
    assert "person" in (said.content or "")
    assert (wish.model_extra or {})["careline"]["outcome"] == "handoff"


async def test_a_reader_who_leaves_frees_the_engine(dialect: Dialect) -> None:
    body = {"model": BASE, "messages": HELLO, "max_tokens": 3_000, "stream": True}
    body["logit_bias"] = {"0": -100}
    headers = {"Authorization": f"Bearer {dialect.secret}"}
    async with httpx.AsyncClient(timeout=PATIENCE_S, headers=headers) as http:
        async with http.stream("POST", f"{dialect.base_url}/chat/completions", json=body) as stream:
            # Held until the end: an iterator that is dropped closes its stream.
            lines = stream.aiter_lines()
            await anext(lines)
            assert (await dialect.engine.stats())["num_running"] == 1
        whole = asyncio.create_task(
            http.post(f"{dialect.base_url}/chat/completions", json=body | {"stream": False})
        )
        await until_running(dialect.engine, 1)
        whole.cancel()
        await asyncio.gather(whole, return_exceptions=True)

    await until_running(dialect.engine, 0)


@pytest.mark.parametrize(
    ("changed", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_value"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"frobnicate": 1}, "frobnicate", "unknown_parameter"),
        ({"temperature": 9}, "temperature", "invalid_value"),
        ({"max_tokens": "5"}, "max_tokens", "invalid_type"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"stop": ["x"] * 17}, "stop", "invalid_value"),
        ({"logit_bias": {"999999": 1}}, None, "invalid_value"),
        ({"logit_bias": {"9" * 5_000: 1}}, "logit_bias", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "invalid_value"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
            "unsupported_value",
        ),
        (
            {"messages": [{"role": "user", "content": "long " * 2_000}]},
            "messages",
            "context_length_exceeded",
        ),
        ({"model": GROUNDED, "logprobs": True}, "logprobs", "unsupported_parameter"),
        (
            {"model": GROUNDED, "messages": [{"role": "assistant", "content": "Hi"}]},
            "messages",
            "invalid_value",
        ),
        (
            {"model": GROUNDED, "messages": [{"role": "user", "content": " "}]},
            "messages",
            "invalid_value",
        ),
    ],
)
async def test_what_is_not_supported_is_refused_by_name(
    dialect: Dialect, changed: dict[str, Any], param: str | None, code: str
) -> None:
    body: dict[str, Any] = {"model": BASE, "messages": HELLO, "max_tokens": 4} | changed

    for more in ({}, {"stream": True}):
        with pytest.raises(BadRequestError) as refused:
            await dialect.client.post("/chat/completions", body=body | more, cast_to=httpx.Response)
        assert refused.value.code == code, refused.value.message
        if param is not None:
            assert refused.value.param == param
        assert refused.value.type == "invalid_request_error"
