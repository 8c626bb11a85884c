"""Forms: read field by field, and whatever does not fit is told at its field.

fields = Fields(posted.form)
title = fields.text("title", max_chars=200)
fields.check()                       # raises BadForm with everything that is wrong
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import AfterValidator

from app.errors import Invalid

Word = TypeVar("Word", bound=StrEnum)
_ADDRESS = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;.]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MAX_EMAIL_CHARS = 254


def _without_control(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("characters that cannot be shown")
    return value


FormText = Annotated[str, AfterValidator(_without_control)]
"""A field that FastAPI reads by itself; PostgreSQL takes no NUL."""


@dataclass(frozen=True)
class Sheet:
    """A form as it is shown: what stands in it and what is wrong with it."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def error(self, name: str) -> str:
        """What is wrong with it; empty when nothing is."""
        return self.errors.get(name, "")


EMPTY_SHEET = Sheet()


class BadForm(Invalid):
    """Something in a form does not fit; `sheet` says where."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__(" ".join(sheet.errors.values()))
        self.sheet = sheet


class Fields:
    """Reads a form; the values keep what was typed so that it can be shown again."""

    def __init__(self, form: Mapping[str, object]) -> None:
        self.values = {name: value for name, value in form.items() if isinstance(value, str)}
        self.errors: dict[str, str] = {}

    def text(self, name: str, *, max_chars: int, is_required: bool = True) -> str:
        """A text without blanks around it and without control characters."""
        value = self.values.get(name, "").replace("\r\n", "\n").strip()
        if _CONTROL.search(value):
            self.refuse(name, "This contains characters that cannot be shown.")
        elif is_required and not value:
            self.refuse(name, "Please fill this in.")
        elif len(value) > max_chars:
            self.refuse(name, f"At most {max_chars:,} characters; this has {len(value):,}.")
        return value

    def email(self, name: str, *, is_required: bool = True) -> str:
        """An e-mail address in lower case."""
        value = self.text(name, max_chars=MAX_EMAIL_CHARS, is_required=is_required).lower()
        if value and name not in self.errors and not _ADDRESS.fullmatch(value):
            self.refuse(name, "This is not an e-mail address.")
        return value

    def word(self, name: str, kind: type[Word]) -> Word:
        """One of the words of an enum; its first where it is none of them, and that is told."""
        value = self.values.get(name, "")
        if value not in [word.value for word in kind]:
            self.refuse(name, "Please choose one of these.")
            return next(iter(kind))
        return kind(value)

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number of this range."""
        value = self.values.get(name, "").strip()
        is_number = re.fullmatch(r"-?[0-9]{1,9}", value) is not None
        if not is_number or not low <= int(value) <= high:
            self.refuse(name, f"A whole number from {low:,} to {high:,}, please.")
            return low
        return int(value)

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.values.get(name) == "on"

    def refuse(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field; the first sentence stays."""
        self.errors.setdefault(name, sentence)

    def sheet(self) -> Sheet:
        """What was typed, with what was refused so far."""
        return Sheet(dict(self.values), dict(self.errors))

    def check(self) -> None:
        """Raises: BadForm when a field was refused."""
        if self.errors:
            raise BadForm(self.sheet())
