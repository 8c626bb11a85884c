"""Texts as vectors, by OpenAI's own client."""

from typing import Any

import numpy as np
import pytest
from openai import BadRequestError, NotFoundError, PermissionDeniedError

from app.api.scopes import Scope
from app.knowledge.meaning import open_meaning
from tests.api_client import make_key
from tests.app.openai.conftest import Dialect

MODEL = "careline-embeddings"
TEXTS = ["Where is my parcel?", "", "My package has not arrived.", "We accept Visa."]


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_vectors_come_in_the_order_of_the_texts(dialect: Dialect, form: Any) -> None:
    texts = [text for text in TEXTS if text] * 8

    found = await dialect.client.embeddings.create(model=MODEL, input=texts, encoding_format=form)

    vectors = open_meaning().encode(texts)
    assert found.model == MODEL and [row.index for row in found.data] == list(range(24))
    assert found.usage.prompt_tokens == found.usage.total_tokens > len(texts)
    if form == "float":
        told = np.array([row.embedding for row in found.data])
        np.testing.assert_allclose(told, vectors, atol=1e-5)


async def test_one_text_is_one_vector_and_the_client_reads_its_own_default(
    dialect: Dialect,
) -> None:
    found = await dialect.client.embeddings.create(model=MODEL, input=TEXTS[0])

    (vector,) = open_meaning().encode(TEXTS[:1])
    np.testing.assert_allclose(found.data[0].embedding, vector, atol=1e-5)


@pytest.mark.parametrize(
    "asked, param, code",
    [
        ({"input": []}, "input", "invalid_value"),
        ({"input": TEXTS}, "input[1]", "invalid_value"),
        ({"input": ["word"] * 257}, "input", "invalid_value"),
        ({"input": "x" * 32_769}, "input", "invalid_value"),
        ({"input": [1, 2, 3]}, "input[0]", "unsupported_parameter"),
        ({"input": "text", "dimensions": 64}, "dimensions", "unsupported_parameter"),
        ({"input": "text", "extra_body": {"mode": 1}}, "mode", "unknown_parameter"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(
    dialect: Dialect, asked: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await dialect.client.embeddings.create(model=MODEL, **asked)

    assert (refused.value.param, refused.value.code) == (param, code)


async def test_no_other_model_embeds_and_this_one_says_nothing(dialect: Dialect) -> None:
    with pytest.raises(NotFoundError):
        await dialect.client.embeddings.create(model="careline", input="text")
    with pytest.raises(NotFoundError):
        await dialect.client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Hi"}]
        )


async def test_a_key_needs_the_scope(dialect: Dialect) -> None:
    reader = await make_key(dialect.served.parts, dialect.served.shop, Scope.CONTACTS_READ)

    with pytest.raises(PermissionDeniedError):
        await dialect.client.with_options(api_key=reader).embeddings.create(
            model=MODEL, input="text"
        )
