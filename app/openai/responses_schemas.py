"""A request of `/v1/responses`."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.models import JsonObject
from app.openai.errors import BadParameter
from app.openai.generation import GROUNDED, Sampling, Spoken
from app.openai.schemas import (
    MAX_MESSAGES,
    Body,
    Message,
    check_model,
    ignored_of,
    read_messages,
    refuse,
    refuse_for,
)

_LOGPROBS = "message.output_text.logprobs"
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "previous_response_id": (),
    "conversation": (),
    "background": (False,),
    "prompt": (),
    "truncation": ("disabled", "auto"),
    "include": ([], [_LOGPROBS]),
    "max_tool_calls": (),
    "context_management": ([],),
}
_IGNORED_BY_GROUNDED = ("instructions", "temperature", "top_p", "max_output_tokens")
_BASE_ONLY = ("include", "top_logprobs")


class TextFormat(Body):
    """Text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    description: str | None = None
    strict: bool | None = None


class TextOptions(Body):
    """How the text is to be."""

    format: TextFormat | None = None
    verbosity: str | None = None


class ResponsesRequest(Body):
    """The parameters that OpenAI documents; `docs/openai.md` says what each is worth here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "careline", "input": "How do I return a parcel?"}]
        }
    )

    model: str
    input: str | list[Message]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    text: TextOptions | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    user: str | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning: dict[str, Any] | None = None
    stream_options: dict[str, Any] | None = None
    tools: Any = None
    tool_choice: Any = None
    previous_response_id: Any = None
    conversation: Any = None
    background: Any = None
    prompt: Any = None
    truncation: Any = None
    max_tool_calls: Any = None
    context_management: Any = None

    @property
    def has_logprobs(self) -> bool:
        """Whether probabilities are asked for."""
        return bool(self.include) or self.top_logprobs is not None

    def spoken(self) -> tuple[Spoken, ...]:
        """The instructions and the input, after everything has been checked.

        Raises:
            BadParameter: something is not understood or not supported; it is named.
        """
        check_model(self.model)
        refuse(self, _NEUTRAL)
        refuse_for(self.model, self, _BASE_ONLY)
        if self.model == GROUNDED and self._schema() is not None:
            raise BadParameter(
                "text.format", f"'{GROUNDED}' answers in text.", "unsupported_parameter"
            )
        first = (Spoken("system", self.instructions),) if self.instructions else ()
        return first + self._input()

    def ignored(self, spoken: tuple[Spoken, ...]) -> list[str]:
        """What the grounded model was sent for nothing."""
        said = spoken[1:] if self.instructions else spoken
        return ignored_of(self, _IGNORED_BY_GROUNDED, said)

    def sampling(self) -> Sampling:
        """For the bare engine."""
        return Sampling(
            max_tokens=self.max_output_tokens,
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            top_logprobs=(self.top_logprobs or 0) if self.has_logprobs else None,
            json_schema=self._schema(),
        )

    def echo(self) -> JsonObject:
        """What a response repeats of its request."""
        chosen = (self.text.format if self.text else None) or TextFormat()
        shape: JsonObject = {"type": chosen.type}
        if chosen.type == "json_schema":
            shape |= {"name": chosen.name, "schema": chosen.schema_, "strict": chosen.strict}
        return {
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "metadata": self.metadata or {},
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "text": {"format": shape},
            "top_logprobs": self.top_logprobs or 0,
            "top_p": 1.0 if self.top_p is None else self.top_p,
            "user": self.user,
        }

    def _input(self) -> tuple[Spoken, ...]:
        if isinstance(self.input, str):
            return (Spoken("user", self.input),)
        if not 1 <= len(self.input) <= MAX_MESSAGES:
            raise BadParameter("input", f"1 to {MAX_MESSAGES} items, not {len(self.input)}.")
        return read_messages(self.input, "input")

    def _schema(self) -> dict[str, Any] | None:
        chosen = self.text.format if self.text else None
        if chosen is None or chosen.type == "text":
            return None
        if chosen.type == "json_schema" and chosen.schema_ is None:
            raise BadParameter(
                "text.format.schema",
                "Missing required parameter: 'text.format.schema'.",
                "missing_required_parameter",
            )
        return chosen.schema_ or {"type": "object"}
