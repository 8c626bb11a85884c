"""Every sampling option by itself and in random combinations, and what a request must say."""

import random
from typing import Any

from hypothesis import strategies as st

from inference import (
    Engine,
    Exactly,
    FinishReason,
    RequestOutput,
    SamplingParams,
    SpanChoice,
    Spans,
    SpanSource,
    TokenChunk,
    Words,
)

VOCAB_SIZE = 266
MAX_TOKENS = 20
SCHEMA = """{"type": "object", "required": ["kind", "n"], "additionalProperties": false,
    "properties": {"kind": {"enum": ["order", "refund"]}, "n": {"type": "integer"}}}"""
SOURCES = (
    SpanSource(
        ("It is free.", "It is free for 9 days.", "No."), (0.5, 0.1, 1.0, 0.3, -1.0), " [1]"
    ),
    SpanSource(("It takes 3 days.",), (0.7,), " [2]"),
)
CHOICE = Spans(SOURCES, max_sentences=2, lead=" ", quote=True)

OPTIONS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "temperature": {"temperature": 1.0},
    "hot": {"temperature": 4.0},
    "top_k": {"temperature": 1.0, "top_k": 5},
    "top_p": {"temperature": 1.0, "top_p": 0.7},
    "min_p": {"temperature": 1.0, "min_p": 0.1},
    "repetition_penalty": {"repetition_penalty": 1.6},
    "repetition reward": {"temperature": 1.0, "repetition_penalty": 0.8},
    "presence_penalty": {"presence_penalty": 2.0},
    "frequency_penalty": {"frequency_penalty": -0.5},
    "logit_bias": {"temperature": 1.0, "logit_bias": {20: 4.0, 21: 4.0, 40: -9.0}},
    "negative seed": {"temperature": 1.0, "seed": -(1 << 63)},
    "ignore_eos": {"temperature": 1.0, "ignore_eos": True},
    "min_tokens": {"temperature": 2.0, "min_tokens": 15},
    "stop": {"temperature": 1.0, "stop": ("e", "\n", "ab")},
    "stop after some": {"temperature": 1.0, "stop": ("e", "a", "\n"), "min_tokens": 6},
    "stop_token_ids": {"temperature": 1.0, "stop_token_ids": tuple(range(60, 90))},
    "logprobs": {"temperature": 1.0, "logprobs": 3},
    "one token": {"temperature": 1.0, "max_tokens": 1},
    "no token": {"max_tokens": 0},
    "priority": {"priority": 5},
    "deadline_s": {"deadline_s": 600.0},
    "json_schema": {"temperature": 1.0, "json_schema": SCHEMA, "max_tokens": 40},
    "guide": {
        "temperature": 1.0,
        "guide": (Words(max_tokens=5), Exactly(" 9 days.", quote=True), Words(max_tokens=4)),
        "max_tokens": 60,
    },
    "choice": {
        "temperature": 1.0,
        "guide": (Words(max_tokens=4), CHOICE, CHOICE, Exactly("!")),
        "max_tokens": 120,
    },
    "greedy choice": {"guide": (CHOICE,), "max_tokens": 60},
}
_BODY = [random.Random(5).randrange(10, VOCAB_SIZE) for _ in range(16)]
PROMPTS = [(_BODY * 3)[:length] for length in (1, 7, 16, 33, 48)]

Asked = tuple[tuple[int, ...], SamplingParams]
Said = tuple[
    tuple[int, ...], str, FinishReason, tuple[SpanChoice, ...], tuple[tuple[int, float], ...]
]


def params_of(options: dict[str, Any]) -> SamplingParams:
    return SamplingParams(**{"max_tokens": MAX_TOKENS, "seed": 7} | options)


def everything() -> list[Asked]:
    """Each option alone, on prompts that share beginnings."""
    return [
        (tuple(PROMPTS[index % len(PROMPTS)]), params_of(options))
        for index, options in enumerate(OPTIONS.values())
    ]


@st.composite
def combinations(draw: st.DrawFn) -> Asked:
    """Any options together that do not exclude each other."""
    names = draw(st.lists(st.sampled_from(list(OPTIONS)), min_size=1, max_size=5, unique=True))
    options: dict[str, Any] = {}
    for name in names:
        options |= OPTIONS[name]
    if "guide" in options:
        options.pop("json_schema", None)
    options["min_tokens"] = min(options.get("min_tokens", 0), options.get("max_tokens", MAX_TOKENS))
    options["seed"] = draw(st.integers(-(1 << 63), (1 << 63) - 1))
    return tuple(draw(st.sampled_from(PROMPTS))), params_of(options)


def said(out: RequestOutput) -> Said:
    """What must not depend on anything but the request; logprobs to nine places."""
    logprobs = tuple((one.token_id, round(one.logprob, 9)) for one in out.logprobs)
    return out.token_ids, out.text, out.finish_reason, out.choices, logprobs


def heard(chunks: list[TokenChunk], done: tuple[int, ...] = ()) -> Said:
    """The same of a request that was submitted, behind `done` ids it resumed from."""
    assert chunks[-1].finish_reason is not None
    return (
        done + tuple(one for chunk in chunks for one in chunk.token_ids),
        "".join(chunk.text for chunk in chunks),
        chunks[-1].finish_reason,
        tuple(chunk.choice for chunk in chunks if chunk.choice),
        tuple((one.token_id, round(one.logprob, 9)) for c in chunks for one in c.logprobs),
    )


def answers(engine: Engine, asked: list[Asked]) -> list[Said]:
    """All together."""
    prompts = [prompt for prompt, _ in asked]
    return [said(out) for out in engine.generate(prompts, [params for _, params in asked])]
