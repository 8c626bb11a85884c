"""A request of `/v1/chat/completions`."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.openai.errors import BadParameter
from app.openai.generation import GROUNDED, Sampling, Spoken
from app.openai.schemas import (
    MAX_MESSAGES,
    MAX_STOPS,
    Body,
    JsonSchema,
    Message,
    check_model,
    ignored_of,
    read_messages,
    refuse,
    refuse_for,
)

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "audio": (),
    "modalities": (["text"],),
    "prediction": (),
    "web_search_options": (),
}
_IGNORED_BY_GROUNDED = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "max_tokens",
    "max_completion_tokens",
)
_ID_DIGITS = 9
_BASE_ONLY = ("logprobs", "top_logprobs", "logit_bias", "stop")


class StreamOptions(Body):
    """What a stream tells besides."""

    include_usage: bool = False
    include_obfuscation: bool | None = None


class ResponseFormat(Body):
    """Text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ChatRequest(Body):
    """The parameters that OpenAI documents; `docs/openai.md` says what each is worth here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "careline",
                    "messages": [{"role": "user", "content": "How do I return a parcel?"}],
                }
            ]
        }
    )

    model: str
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = Field(default=None, max_length=1_024)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    response_format: ResponseFormat | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    audio: Any = None
    modalities: Any = None
    prediction: Any = None
    web_search_options: Any = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def spoken(self) -> tuple[Spoken, ...]:
        """The messages, after everything has been checked.

        Raises:
            BadParameter: something is not understood or not supported; it is named.
        """
        check_model(self.model)
        if self.n not in (None, 1):
            raise BadParameter("n", f"One answer is given, not {self.n}.", "unsupported_value")
        if self.top_logprobs is not None and not self.logprobs:
            raise BadParameter("top_logprobs", "'top_logprobs' needs 'logprobs' to be true.")
        if self.stream_options is not None and not self.stream:
            raise BadParameter("stream_options", "'stream_options' needs 'stream' to be true.")
        refuse(self, _NEUTRAL)
        refuse_for(self.model, self, _BASE_ONLY)
        if self.model == GROUNDED and self._schema() is not None:
            raise BadParameter(
                "response_format", f"'{GROUNDED}' answers in text.", "unsupported_parameter"
            )
        return read_messages(self.messages, "messages")

    def ignored(self, spoken: tuple[Spoken, ...]) -> list[str]:
        """What the grounded model was sent for nothing."""
        return ignored_of(self, _IGNORED_BY_GROUNDED, spoken)

    def sampling(self) -> Sampling:
        """For the bare engine.

        Raises:
            BadParameter: a value does not fit.
        """
        return Sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            logit_bias=self._logit_bias(),
            seed=self.seed,
            stop=self._stops(),
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
            json_schema=self._schema(),
        )

    def _stops(self) -> tuple[str, ...]:
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if len(stops) > MAX_STOPS or not all(stops):
            raise BadParameter("stop", f"Up to {MAX_STOPS} texts may stop an answer, none empty.")
        return tuple(stops)

    def _logit_bias(self) -> dict[int, float] | None:
        if not all(one.isdecimal() and len(one) <= _ID_DIGITS for one in self.logit_bias or {}):
            raise BadParameter("logit_bias", "Keys are ids of tokens.")
        return {int(one): bias for one, bias in (self.logit_bias or {}).items()} or None

    def _schema(self) -> dict[str, Any] | None:
        chosen = self.response_format
        if chosen is None or chosen.type == "text":
            return None
        if chosen.type == "json_object":
            return {"type": "object"}
        if chosen.json_schema is None:
            raise BadParameter(
                "response_format.json_schema",
                "Missing required parameter: 'response_format.json_schema'.",
                "missing_required_parameter",
            )
        return chosen.json_schema.schema_ or {"type": "object"}
