"""Kinds of values that bodies and queries of `/v1` share, each with its bounds."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

_YEARS = range(1970, 3000)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _written(value: object) -> object:
    """Numbers are no times: whose seconds, or milliseconds, would they be?"""
    if isinstance(value, datetime) or (isinstance(value, str) and _DAY.match(value)):
        return value
    raise ValueError("a time such as 2031-01-31T10:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"a year from {_YEARS[0]} to {_YEARS[-1]}")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc), BeforeValidator(_written)]
"""A time with its zone, told in UTC."""

Flag = Annotated[bool, Strict()]
"""`true` or `false`, and no word or number that may mean it."""
Whole = Annotated[int, Strict()]
"""A whole number, and no text of one."""

Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""What another system calls a thing."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Locale = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=16)
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=254,
        pattern=r"^[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;.]+$",
    ),
]


ShortName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Url = Annotated[str, Field(min_length=8, max_length=2_000, examples=["https://crm.example/hook"])]


def has_words(text: str) -> str:
    """For `AfterValidator`: a text of blanks says nothing."""
    if not text.strip():
        raise ValueError("is blank")
    return text


class Body(BaseModel):
    """What a client sends: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PatchBody(Body):
    """What is to change: what is absent stays, and `null` takes away what can be missing."""

    clears: ClassVar[frozenset[str]] = frozenset()
    """Fields that may be `null`."""

    @field_validator("*", mode="before")
    @classmethod
    def _is_something(cls, value: Any, field: ValidationInfo) -> Any:
        if value is None and field.field_name not in cls.clears:
            raise ValueError("cannot be null; leave it out and it stays")
        return value

    @property
    def cleared(self) -> frozenset[str]:
        """The fields that were sent as `null`."""
        return frozenset(name for name in self.model_fields_set if getattr(self, name) is None)


class Resource(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)
