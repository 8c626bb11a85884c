"""`/v1/embeddings`: texts as vectors, by the encoder that the search uses."""

import asyncio
import base64
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from app.knowledge.meaning import Meaning
from app.models import JsonObject
from app.openai.errors import BadParameter, NoSuchModel, Unsupported
from app.openai.generation import EMBEDDINGS
from app.openai.schemas import Body

MAX_TEXTS = 256
MAX_CHARS = 32_768
_AT_ONCE = 16


class EmbeddingsRequest(Body):
    """The parameters that OpenAI documents."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": EMBEDDINGS, "input": "Where is my parcel?"}]}
    )

    model: str
    input: str | list[Any]
    """A text or several; ids of another model's tokens mean nothing here."""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None

    def texts(self, width: int) -> list[str]:
        """What is to be encoded.

        Raises:
            NoSuchModel: another model than the encoder is named.
            BadParameter: no texts, too many, too long ones or empty ones, or another width.
        """
        if self.model != EMBEDDINGS:
            raise NoSuchModel(self.model)
        if self.dimensions not in (None, width):
            raise Unsupported("dimensions", f"is not supported other than {width}")
        texts = [self.input] if isinstance(self.input, str) else self.input
        if not 1 <= len(texts) <= MAX_TEXTS:
            raise BadParameter("input", f"'input' has 1 to {MAX_TEXTS} texts, not {len(texts)}.")
        for i, text in enumerate(texts):
            at = "input" if isinstance(self.input, str) else f"input[{i}]"
            if not isinstance(text, str):
                raise Unsupported(at, "must be a text; ids of tokens are not supported")
            if not 1 <= len(text) <= MAX_CHARS:
                told = f"'{at}' has 1 to {MAX_CHARS} characters, not {len(text)}."
                raise BadParameter(at, told)
        return texts


async def embed(meaning: Meaning, body: EmbeddingsRequest) -> JsonObject:
    """The vectors in the order of the texts, some at a time in a thread.

    Raises:
        BadParameter: as `EmbeddingsRequest.texts`.
    """
    texts = body.texts(meaning.width)
    data: list[JsonObject] = []
    for start in range(0, len(texts), _AT_ONCE):
        vectors = await asyncio.to_thread(meaning.encode, texts[start : start + _AT_ONCE])
        data += [
            {"object": "embedding", "index": start + i, "embedding": _told(vector, body)}
            for i, vector in enumerate(vectors)
        ]
    num_tokens = sum(await asyncio.to_thread(meaning.count_tokens, texts))
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    return {"object": "list", "data": data, "model": EMBEDDINGS, "usage": usage}


def _told(vector: npt.NDArray[np.float32], body: EmbeddingsRequest) -> list[float] | str:
    if body.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(number) for number in vector]
