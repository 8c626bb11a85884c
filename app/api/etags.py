"""Lost updates: a state is named by the hash of what is shown of it, and `If-Match` asks for it."""

import hashlib
from typing import Annotated, TypeVar

from fastapi import Header, Response
from pydantic import BaseModel

from app.api.errors import ChangedMeanwhile

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=400,
        description="The `ETag` you read; the change is refused with 412 when it is no longer so.",
    ),
]

Shown = TypeVar("Shown", bound=BaseModel)


def etag_of(shown: BaseModel) -> str:
    """The strong tag of a representation."""
    return f'"{hashlib.sha256(shown.model_dump_json().encode()).hexdigest()[:32]}"'


def tagged(response: Response, shown: Shown) -> Shown:
    """The same representation; its answer names the state."""
    response.headers["ETag"] = etag_of(shown)
    return shown


def check_match(if_match: str | None, current: BaseModel) -> None:
    """Raises: ChangedMeanwhile unless one of the tags is that of the current state."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = [tag.strip().removeprefix("W/") for tag in if_match.split(",")]
    if etag_of(current) not in tags:
        raise ChangedMeanwhile
