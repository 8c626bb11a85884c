"""Chat templates of other people's models: jinja in a sandbox, as transformers renders them.

The template never sees what people said. It lays out placeholders, and their texts are put in
afterwards, so that no text can close a turn or make the template do something else. What a template
does to the ends of a text (most strip it) is found out with placeholders that have blank ends.
"""

import json
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inference.chat.layout import Piece
from inference.errors import InvalidRequest, ModelLoadError
from inference.request import ChatMessage, Role

_SPECIAL_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token")
_ROLES = {"system": "system", "user": "user", "passages": "user"}  # the rest: assistant
_HEADS = {"passages": "Passages:\n"}
_BETWEEN = "\n\n"
# Blanks that str.strip() takes away; the first stands in no template.
_ANY_BLANK, _LINE_BREAK = "\u2003", "\n"
# What templates mark turns with where that is ordinary text: [INST], <human>, ### Response:, USER:
_MARK = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]|#{2,} ?[A-Z]\w+:|\b[A-Z]{4,}:")


@dataclass(frozen=True)
class Turn:
    """Messages that a template gets as one, with the role that it calls them by."""

    role: str
    messages: tuple[tuple[int, str], ...]
    """Each by its index, with a heading of ours before it."""


class TemplateLayout:
    """A checkpoint's own chat template."""

    stop_strings = ()

    def __init__(
        self, source: str, special_tokens: Mapping[str, str], added: Collection[str]
    ) -> None:
        """Compile it; `added` are the marks that text can never become.

        Raises:
            jinja2.TemplateSyntaxError: it is none.
        """
        self._template = _environment().from_string(source)
        self._special_tokens = dict(special_tokens)
        self._added = frozenset(added)

    def pieces(self, messages: Sequence[ChatMessage], *, asks: bool) -> list[Piece]:
        """The template's words around the messages'.

        Passages become a part of the customer's turn that follows, and what a template has no turn
        for (a system text, an answer before any question) does too.

        Raises:
            InvalidRequest: it refuses the conversation, or leaves something of it out.
        """
        roles = [message.role for message in messages]
        refusal = ""
        for turns in (_turns(roles), _turns_of_two(roles)):
            try:
                return self._lay_out(turns, messages, asks)
            except (jinja2.TemplateError, TypeError, ValueError) as error:
                refusal = refusal or str(error)
        raise InvalidRequest(f"messages: the model's chat template refuses them: {refusal}")

    def _lay_out(
        self, turns: Sequence[Turn], messages: Sequence[ChatMessage], asks: bool
    ) -> list[Piece]:
        own, order = self._own_words(turns, "", asks)
        blank = [self._own_words(turns, one, asks)[0] for one in (_ANY_BLANK, _LINE_BREAK)]
        marks = {mark for words in own for mark in _MARK.findall(words)} - self._added
        pieces = [Piece(own[0])]
        for at, turn in enumerate(order):
            parts = list(_turn_pieces(turns[turn], messages))
            for words, stripped in zip(blank, (None, _LINE_BREAK), strict=True):
                before = (own[at], words[at])
                after = (own[at + 1], words[at + 1])
                if not before[1].endswith(before[0] + _pad_of(stripped)):
                    parts[0] = Piece(parts[0].text.lstrip(stripped), parts[0].message)
                if not after[1].startswith(_pad_of(stripped) + after[0]):
                    parts[-1] = Piece(parts[-1].text.rstrip(stripped), parts[-1].message)
            pieces += [_harmless(part, marks) for part in parts]
            pieces.append(Piece(own[at + 1]))
        return pieces

    def _own_words(
        self, turns: Sequence[Turn], pad: str, asks: bool
    ) -> tuple[list[str], list[int]]:
        """The template's words before, between and behind the turns, and the turns' order."""
        key = secrets.token_hex(8)
        contents = [f"{pad}{key}-{number}-{pad}" for number in range(len(turns))]
        text = self._template.render(
            messages=[
                {"role": turn.role, "content": content}
                for turn, content in zip(turns, contents, strict=True)
            ],
            tools=None,
            documents=None,
            add_generation_prompt=asks,
            **self._special_tokens,
        )
        words = re.split(rf"{key}-(\d+)-", text)
        order = [int(one) for one in words[1::2]]
        if sorted(order) != list(range(len(turns))):
            raise ValueError(f"it shows turns {order} of {len(turns)}")
        return words[::2], order


def read_template(folder: Path, added: Collection[str]) -> TemplateLayout | None:
    """The chat template of a checkpoint folder: its own file, else the tokenizer's settings.

    `added` are the tokenizer's added tokens.

    Raises:
        ModelLoadError: it has one that cannot be read.
    """
    settings = read_settings(folder)
    source: Any = settings.get("chat_template")
    path = folder / "chat_template.jinja"
    try:
        if path.is_file():
            source = path.read_text(encoding="utf-8")
        if isinstance(source, list):  # several, by name
            source = next((one["template"] for one in source if one["name"] == "default"), None)
        if source is None:
            return None
        return TemplateLayout(source, special_tokens(settings), added)
    except (OSError, ValueError, TypeError, KeyError, jinja2.TemplateError) as error:
        raise ModelLoadError(folder, f"its chat template cannot be used: {error}") from error


def read_settings(folder: Path) -> dict[str, Any]:
    """`tokenizer_config.json`; nothing where there is none.

    Raises:
        ModelLoadError: it is not a JSON object.
    """
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(path, f"cannot be read: {error}") from error
    if not isinstance(settings, dict):
        raise ModelLoadError(path, "is not a JSON object")
    return settings


def special_tokens(settings: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that settings name, by their names in templates."""
    found = {name: settings.get(name) for name in _SPECIAL_NAMES}
    texts = {
        name: one.get("content") if isinstance(one, dict) else one for name, one in found.items()
    }
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _turns(roles: Sequence[Role]) -> list[Turn]:
    """One turn for all that the same side says in a row."""
    return _merged([(_ROLES.get(role, "assistant"), _HEADS.get(role, "")) for role in roles])


def _turns_of_two(roles: Sequence[Role]) -> list[Turn]:
    """For templates that know only questions and answers, beginning with a question."""
    sides = [(_ROLES.get(role, "assistant"), _HEADS.get(role, "")) for role in roles]
    sides = [("user" if side == "system" else side, head) for side, head in sides]
    if sides[0][0] == "assistant":
        sides[0] = ("user", "Agent: ")
    return _merged(sides)


def _merged(sides: Sequence[tuple[str, str]]) -> list[Turn]:
    numbered = [(side, (index, head)) for index, (side, head) in enumerate(sides)]
    return [
        Turn(side, tuple(one for _, one in group))
        for side, group in groupby(numbered, key=lambda one: one[0])
    ]


def _turn_pieces(turn: Turn, messages: Sequence[ChatMessage]) -> Iterator[Piece]:
    for place, (index, head) in enumerate(turn.messages):
        own = (_BETWEEN if place else "") + head
        if own:
            yield Piece(own)
        yield Piece(messages[index].text, index)


def _harmless(piece: Piece, marks: Collection[str]) -> Piece:
    """A message's words with a blank in every mark of the template that is ordinary text."""
    text = piece.text
    if piece.message is not None:
        for mark in marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return Piece(text, piece.message)


def _pad_of(stripped: str | None) -> str:
    return _ANY_BLANK if stripped is None else stripped


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks what a model is trained to say; it says nothing itself."""

    tags = {"generation"}  # noqa: RUF012  as jinja's own extensions declare it

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    return environment


def _to_json(value: object, ensure_ascii: bool = False, indent: int | None = None) -> str:
    # Jinja's own filter would escape for HTML.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)
