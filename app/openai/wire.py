"""Usage, sources and probabilities as OpenAI shows them."""

from collections.abc import Sequence
from typing import Any

from app.answers.ask import Reply
from app.answers.schemas import OptionOut
from app.conversations.schemas import Citation
from app.models import JsonObject
from app.openai.generation import Usage
from inference import TokenLogprob

_LEAST_LOGPROB = -9_999.0
"""Instead of minus infinity, which JSON does not have."""


def sources(text: str, citations: Sequence[Citation], base_url: str) -> list[JsonObject]:
    """Where in the text a source is named, and where it leads."""
    found = []
    for one in citations:
        mark = f"[{one.marker}]"
        start = text.rfind(mark)
        if start >= 0:
            place = {"start_index": start, "end_index": start + len(mark)}
            address = f"{base_url.rstrip('/')}{one.url}"
            found.append({"type": "url_citation", **place, "url": address, "title": one.title})
    return found


def chat_usage(usage: Usage) -> JsonObject:
    """For chat completions."""
    return {
        "prompt_tokens": usage.num_prompt,
        "completion_tokens": usage.num_output,
        "total_tokens": usage.num_prompt + usage.num_output,
        "prompt_tokens_details": {"cached_tokens": usage.num_cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def response_usage(usage: Usage) -> JsonObject:
    """For responses."""
    return {
        "input_tokens": usage.num_prompt,
        "input_tokens_details": {"cached_tokens": usage.num_cached},
        "output_tokens": usage.num_output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.num_prompt + usage.num_output,
    }


def logprobs_of(told: Sequence[TokenLogprob]) -> list[JsonObject]:
    """Each token with its likeliest rivals; tokens that no text shows are left out."""
    return [
        _token(one, one.token_id, one.logprob)
        | {"top_logprobs": [_token(one, other, value) for other, value in one.top.items()]}
        for one in told
        if one.spelled.get(one.token_id)
    ]


def careline_of(reply: Reply, ignored: list[str]) -> JsonObject:
    """What the grounded model says besides its text."""
    return {
        "outcome": reply.finding.value,
        "reason": reply.reason,
        "confidence": reply.confidence,
        "options": [OptionOut.of(one).model_dump(mode="json") for one in reply.options],
        "ignored": ignored,
    }


def _token(one: TokenLogprob, token_id: int, logprob: float) -> dict[str, Any]:
    spelled = one.spelled.get(token_id, b"")
    return {
        "token": _named(spelled),
        "logprob": max(logprob, _LEAST_LOGPROB),
        "bytes": list(spelled),
    }


def _named(spelled: bytes) -> str:
    """The token's text; a part of a character by its bytes, as OpenAI writes it."""
    try:
        return spelled.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in spelled)
