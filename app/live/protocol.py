"""The frames of `care.v1` as strict types; `docs/protocol.md` says what they mean.

A frame that cannot be decoded into one of these closes the socket with 4400.
"""

import datetime
from enum import IntEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from app.vocabulary import Chip, DraftKind, Priority, TakeoverMode

SUBPROTOCOL = "care.v1"
MAX_DRAFT_CHARS = 600
MAX_FILES = 5

JsonValue = str | int | float | bool | None
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
ShortText = Annotated[str, msgspec.Meta(max_length=2_000)]
Token = Annotated[str, msgspec.Meta(max_length=512)]
IdentityToken = Annotated[str, msgspec.Meta(max_length=8_192)]


class CloseCode(IntEnum):
    """Why the server closes a socket."""

    BAD_FRAME = 4400
    NOT_SIGNED_IN = 4401
    FORBIDDEN = 4403
    HELLO_TIMEOUT = 4408
    TOO_BIG = 4413
    TOO_MUCH = 4429
    RESTART = 1012
    FAILED = 1011


class SocketClosed(Exception):
    """Leave the socket; `code` is None when the other side has gone."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(code, reason)


class _Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t"):
    """Fields that are not named are errors."""


class Hello(_Frame, frozen=True, tag="hello"):
    """The first frame; it says who speaks."""

    proto: Literal[1]
    role: Literal["widget", "agent"]
    site: Token | None = None
    session: Token | None = None
    jwt: IdentityToken | None = None
    """Signed by the server of the page, to say who is speaking."""
    csrf: Token | None = None
    locale: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    page: ShortText | None = None
    resume: Annotated[dict[UUID, Seq], msgspec.Meta(max_length=50)] | None = None


class MessageSend(_Frame, frozen=True, tag="message.send"):
    """A message; the same `cid` again is the same message."""

    cid: ClientId
    text: str
    c: UUID | None = None
    chip: Chip | None = None
    """The button under an answer that was pressed for it."""
    files: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=MAX_FILES)] = ()
    """Uploaded before, in this order; with files the text may be empty."""
    begin: bool = False
    """Without `c`: a new conversation, also where one is open."""


class AnswerStop(_Frame, frozen=True, tag="answer.stop"):
    """End the running answer; `gen` guards against stopping the next one."""

    c: UUID
    gen: UUID | None = None


class HandoffRequest(_Frame, frozen=True, tag="handoff.request"):
    """A person, please."""

    c: UUID
    reason: ShortText | None = None


class Typing(_Frame, frozen=True, tag="typing"):
    """Somebody types, or has stopped."""

    c: UUID
    on: bool


class Draft(_Frame, frozen=True, tag="draft"):
    """What a customer is typing, so that the answer can be prepared; it is not kept."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_DRAFT_CHARS)]
    c: UUID | None = None


class CsatSubmit(_Frame, frozen=True, tag="csat.submit"):
    """What a customer thinks of a conversation that has ended; the same again changes nothing."""

    c: UUID
    cid: ClientId
    score: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: str = ""


class Read(_Frame, frozen=True, tag="read"):
    """Everything up to `s` has been seen."""

    c: UUID
    s: Seq


class Sync(_Frame, frozen=True, tag="sync"):
    """What came after `after`?"""

    c: UUID
    after: Seq


class SetAttributes(_Frame, frozen=True, tag="attributes"):
    """What the page says about its visitor; nobody has signed it."""

    values: dict[str, JsonValue]
    cid: ClientId | None = None
    """Named in a `nack`, so that the page hears of it and not its visitor."""


class Details(_Frame, frozen=True, tag="details"):
    """What a visitor says of themselves before the chat."""

    cid: ClientId
    name: ShortText = ""
    email: ShortText = ""
    consent: bool = False


class Logout(_Frame, frozen=True, tag="logout"):
    """The session ends, in every tab."""


class Watch(_Frame, frozen=True, tag="watch"):
    """An agent looks at a conversation."""

    c: UUID


class Unwatch(_Frame, frozen=True, tag="unwatch"):
    """An agent looks away."""

    c: UUID


class Takeover(_Frame, frozen=True, tag="takeover"):
    """An agent wants the word; `epoch` is the one they saw."""

    c: UUID
    epoch: Seq
    mode: TakeoverMode = TakeoverMode.STOP


class Release(_Frame, frozen=True, tag="release"):
    """An agent gives the word back to the bot, which may be asked to answer at once."""

    c: UUID
    epoch: Seq
    answer_last: bool = False


class Assign(_Frame, frozen=True, tag="assign"):
    """An agent gives it to a colleague, or without `to` to whoever comes first."""

    c: UUID
    to: UUID | None = None


class Resolve(_Frame, frozen=True, tag="resolve"):
    """An agent ends the conversation."""

    c: UUID


class Reopen(_Frame, frozen=True, tag="reopen"):
    """An agent takes it up again."""

    c: UUID


class Snooze(_Frame, frozen=True, tag="snooze"):
    """An agent puts it aside; without `until`, until the customer writes."""

    c: UUID
    until: datetime.datetime | None = None


class Wake(_Frame, frozen=True, tag="wake"):
    """An agent ends a snooze."""

    c: UUID


class Block(_Frame, frozen=True, tag="block"):
    """An agent lets this contact write no more, or again."""

    c: UUID
    on: bool


class SetLabel(_Frame, frozen=True, tag="label"):
    """An agent puts a label on or takes it off."""

    c: UUID
    name: ShortText
    on: bool
    colour: ShortText = "grey"


class SetPriority(_Frame, frozen=True, tag="priority"):
    """An agent says how soon a person should look."""

    c: UUID
    to: Priority


class Note(_Frame, frozen=True, tag="note"):
    """An agent writes what only colleagues read."""

    c: UUID
    cid: ClientId
    text: str


class KeepDraft(_Frame, frozen=True, tag="draft.keep"):
    """What an agent has written and not sent."""

    c: UUID
    kind: DraftKind
    text: str


class Suggest(_Frame, frozen=True, tag="suggest"):
    """An agent would like a reply to look over."""

    c: UUID


class Presence(_Frame, frozen=True, tag="presence"):
    """An agent is there, or away."""

    state: Literal["online", "away"]


class Ping(_Frame, frozen=True, tag="ping"):
    """Are you there?"""

    n: Seq


AgentFrame = (
    Watch
    | Unwatch
    | Takeover
    | Release
    | Assign
    | Resolve
    | Reopen
    | Snooze
    | Wake
    | Block
    | SetLabel
    | SetPriority
    | Note
    | KeepDraft
    | Suggest
    | Presence
)
ClientFrame = (
    Hello
    | MessageSend
    | AnswerStop
    | HandoffRequest
    | Typing
    | Draft
    | CsatSubmit
    | Read
    | Sync
    | SetAttributes
    | Details
    | Logout
    | Ping
    | AgentFrame
)

_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


def decode(text: str) -> ClientFrame:
    """The frame in a text.

    Raises:
        SocketClosed: 4400, it is no frame of this protocol.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise SocketClosed(CloseCode.BAD_FRAME, "bad_frame") from error
