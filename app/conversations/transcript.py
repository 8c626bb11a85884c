"""A conversation to take away, as plain text or as one page of HTML that needs nothing else.

It holds what the customer was shown: no notes, nothing that was taken back.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.api.errors import BadParameter
from app.conversations import service
from app.models import Conversation, Inbox, Message, Rating, Workspace
from app.speakers import Speaker
from app.vocabulary import MessageKind, MessageState, Role

_REDACTED = "(redacted)"


class TranscriptFormat(StrEnum):
    """How it is written."""

    TEXT = "txt"
    HTML = "html"


@dataclass(frozen=True)
class Line:
    """One message."""

    at: datetime
    """In the reader's zone."""
    who: str
    """Empty for a line of the house."""
    text: str
    files: tuple[str, ...]
    is_cut_off: bool


@dataclass(frozen=True)
class Transcript:
    """Everything there is to write down."""

    company: str
    number: int
    zone: str
    lines: tuple[Line, ...]
    rating: Rating | None

    @property
    def title(self) -> str:
        """What it is."""
        return f"{self.company}, conversation #{self.number}"

    @property
    def filename(self) -> str:
        """Without its ending."""
        return f"conversation-{self.number}"


async def read_transcript(
    session: AsyncSession, speaker: Speaker, conversation_id: UUID, zone: str | None
) -> Transcript:
    """The conversation as its customer saw it; without a zone, in the company's.

    Raises:
        NotFound: no such conversation, or not this speaker's.
        BadParameter: there is no such time zone.
    """
    snapshot = await service.read_snapshot(session, speaker, conversation_id)
    conversation: Conversation = snapshot.row.conversation
    workspace = await session.get_one(Workspace, conversation.workspace_id)
    inbox = await session.get_one(Inbox, conversation.inbox_id)
    names = {Role.CUSTOMER: snapshot.row.contact.name, Role.BOT: inbox.bot_name}
    chosen = _zone(zone or workspace.timezone)
    shown = [message for message in snapshot.messages if _is_shown(message)]
    lines = tuple(_line(message, names, chosen) for message in shown)
    return Transcript(workspace.name, conversation.number, chosen.key, lines, snapshot.row.rating)


def as_text(transcript: Transcript) -> str:
    """Plain text; times of one day stand under its date."""
    parts = [transcript.title, f"Times: {transcript.zone}"]
    day = None
    for line in transcript.lines:
        if line.at.date() != day:
            day = line.at.date()
            parts.append(f"\n{day:%A, %d %B %Y}\n")
        who = f"{line.who}: " if line.who else ""
        files = "".join(f"\n        [file: {name}]" for name in line.files)
        text = line.text.replace("\n", "\n        ")
        end = " (stopped)" if line.is_cut_off else ""
        parts.append(f"{line.at:%H:%M}   {who}{text}{end}{files}")
    if transcript.rating is not None:
        remark = f" – {transcript.rating.comment}" if transcript.rating.comment else ""
        parts.append(f"\nRated {transcript.rating.score} of 5{remark}")
    return "\n".join(parts) + "\n"


def _is_shown(message: Message) -> bool:
    is_there = message.state in (MessageState.COMPLETE, MessageState.INTERRUPTED)
    is_empty = not (message.text or message.files or message.redacted_at)
    return is_there and message.kind is not MessageKind.NOTE and not is_empty


def _line(message: Message, names: dict[Role, str], zone: tzinfo) -> Line:
    is_house = message.role is Role.SYSTEM
    return Line(
        message.created_at.astimezone(zone),
        "" if is_house else message.author_name or names.get(message.role, ""),
        message.text if message.redacted_at is None else _REDACTED,
        tuple(file["name"] for file in message.files),
        message.state is MessageState.INTERRUPTED,
    )


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError) as error:
        raise BadParameter("tz", f"There is no time zone {key[:64]!r}.") from error
