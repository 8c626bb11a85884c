"""Webhooks as Zendesk itself sends them: which ticket is meant, and whether it is Zendesk's word.

Of what they say only the ticket's number is believed; the ticket is then read with our own account.
So events of any type and bodies that a trigger fills in serve alike. The signature is that of
developer.zendesk.com/documentation/webhooks/verifying: base64 of the HMAC-SHA256 of time and body.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.connectors.system import moment
from app.errors import Invalid, NotSignedIn
from app.webhooks.signing import TOLERANCE

SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = f"{SIGNATURE}-timestamp"
_MAX_TIME_CHARS = 40

Number = Annotated[int, Field(ge=1, lt=2**63)]


class _Detail(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Number


class _Event(BaseModel):
    """A ticket event of Zendesk's own, or a trigger's `{"ticket_id": {{ticket.id}}}`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = ""
    detail: _Detail | None = None
    ticket_id: Number | None = None


def verify(secret: str, given: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Let through what is signed with this secret; an empty one signs nothing.

    Raises:
        NotSignedIn: the time is more than five minutes off, or the signature does not fit.
    """
    written = given.get(_TIMESTAMP, "")
    try:
        at = moment(written[:_MAX_TIME_CHARS])
    except ValueError as error:
        raise NotSignedIn(f"The header {_TIMESTAMP} is needed.") from error
    if abs(at - now) > TOLERANCE:
        raise NotSignedIn("The time of this webhook is more than five minutes off.")
    mac = hmac.digest(secret.encode(), written.encode() + body, sha256)
    is_same = hmac.compare_digest(b64encode(mac), given.get(SIGNATURE, "").encode())
    if not secret or not is_same:
        raise NotSignedIn("The signature of this webhook is not one of this secret's.")


def ticket_of(body: bytes) -> str | None:
    """The number of the ticket that it is about; None for an event about something else.

    Raises:
        Invalid: it is no event of Zendesk's and names no ticket.
    """
    try:
        told = _Event.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        raise Invalid(f"The webhook does not fit at /{where}: {first['msg']}.") from error
    if told.ticket_id is not None:
        return str(told.ticket_id)
    if told.detail is not None and told.type.startswith("zen:event-type:ticket."):
        return str(told.detail.id)
    if told.type:
        return None
    raise Invalid('The webhook names no ticket: {"ticket_id": 35436} would.')
