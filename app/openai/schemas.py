"""What both ways of asking share: messages, what is taken and ignored, what is refused.

Three kinds of parameters are OpenAI's and do nothing here: those that change no answer are taken;
those that the grounded model has no use for are taken and told under `careline.ignored`; those
that ask for something that would be missed are refused by name, unless they only say the default.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.openai.errors import BadParameter, NoSuchModel, Unsupported
from app.openai.generation import BASE, GROUNDED, MODELS, Speaker, Spoken

MAX_MESSAGES = 2_000
MAX_STOPS = 16
_SPEAKERS: dict[str, Speaker] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_TEXT_PARTS = ("text", "input_text", "output_text")


class Body(BaseModel):
    """Unknown fields are errors, and a text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Message(Body):
    """A message; an answer of ours may be sent back as it came."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    type: str = "message"
    id: str | None = None
    status: str | None = None
    name: str | None = None
    refusal: str | None = None
    phase: Any = None
    annotations: Any = None
    audio: Any = None
    function_call: Any = None
    tool_calls: Any = None
    tool_call_id: Any = None


class JsonSchema(Body):
    """A schema by name."""

    name: str = Field(max_length=64)
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    description: str | None = None
    strict: bool | None = None


def check_model(model: str) -> None:
    """Raises: NoSuchModel."""
    if model not in MODELS:
        raise NoSuchModel(model)


def refuse(body: BaseModel, neutral: Mapping[str, Sequence[Any]]) -> None:
    """Raises: Unsupported for a field of `neutral` that says more than one of its values."""
    for name, values in neutral.items():
        value = getattr(body, name)
        if value is not None and not any(value == one for one in values):
            raise Unsupported(name)


def refuse_for(model: str, body: BaseModel, names: Sequence[str]) -> None:
    """Raises: Unsupported where the grounded model is asked for what only the bare one gives."""
    for name in names:
        if model == GROUNDED and getattr(body, name):
            raise Unsupported(name, f"is not supported by '{GROUNDED}', only by '{BASE}'")


def ignored_of(body: BaseModel, names: Sequence[str], spoken: Sequence[Spoken]) -> list[str]:
    """What was sent to the grounded model and changes nothing there."""
    found = [name for name in names if getattr(body, name) not in (None, [], {})]
    return found + ["system"] * any(one.role == "system" for one in spoken)


def read_messages(messages: Sequence[Message], param: str) -> tuple[Spoken, ...]:
    """The messages as text.

    Raises:
        BadParameter: one is not a text of a known speaker; it is named.
    """
    return tuple(_spoken(one, f"{param}[{at}]") for at, one in enumerate(messages))


def _spoken(message: Message, param: str) -> Spoken:
    if message.role not in _SPEAKERS or message.type != "message":
        name = "role" if message.type == "message" else "type"
        known = ", ".join(_SPEAKERS)
        raise BadParameter(
            f"{param}.{name}", f"Messages of {known} are understood, not {message.role!r}."
        )
    for name in ("tool_calls", "function_call", "audio"):
        if getattr(message, name):
            raise Unsupported(f"{param}.{name}")
    return Spoken(_SPEAKERS[message.role], _text(message.content, f"{param}.content"))


def _text(content: str | list[dict[str, Any]] | None, param: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for at, part in enumerate(content):
        kind, text = part.get("type"), part.get("text")
        if kind not in _TEXT_PARTS:
            raise BadParameter(
                f"{param}[{at}].type",
                f"Only text is understood, not {kind!r}.",
                "unsupported_value",
            )
        if not isinstance(text, str):
            raise BadParameter(f"{param}[{at}].text", "A text part needs a text.", "invalid_type")
        texts.append(text)
    return "\n".join(texts)
