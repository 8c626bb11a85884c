"""What an agent reads first after a hand-off: why, what was asked, what the bot has said; pure.

It is put together from the thread, word for word, so it can state nothing that was not said there.
"""

from collections.abc import Sequence

from app.conversations.lines import why
from app.models import Message
from app.vocabulary import HandoffReason, MessageKind, MessageState, Role

_NUM_QUOTED = 3
_QUOTE_CHARS = 240


def summarise(thread: Sequence[Message], reason: HandoffReason | None) -> str:
    """A note of a few lines; `thread` is what the conversation holds, oldest first."""
    said = [message for message in thread if message.kind is MessageKind.TEXT and message.text]
    asked = [message.text for message in said if message.role is Role.CUSTOMER]
    parts = [f"Handed over: {why(reason)}."] if reason else []
    if asked:
        parts.append(
            "The customer wrote:\n" + "\n".join(f"- {quote(text)}" for text in _chosen(asked))
        )
    parts.append(_of_the_bot(said))
    return "\n\n".join(part for part in parts if part)


def _chosen(asked: list[str]) -> list[str]:
    """The first, which says what it is about, and the last ones, which say where it stands."""
    return asked if len(asked) <= _NUM_QUOTED else [asked[0], *asked[1 - _NUM_QUOTED :]]


def _of_the_bot(said: list[Message]) -> str:
    answers = [
        message
        for message in said
        if message.role is Role.BOT and message.state is not MessageState.RETRACTED
    ]
    if not answers:
        return "The bot has not answered."
    times = "once" if len(answers) == 1 else f"{len(answers)} times"
    titles = dict.fromkeys(cited["title"] for answer in answers for cited in answer.citations)
    about = f", from {_listed(list(titles))}" if titles else ""
    return f"The bot answered {times}{about}."


def _listed(titles: list[str]) -> str:
    quoted = [f"“{title}”" for title in titles]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def quote(text: str) -> str:
    """The text as the note repeats it: one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _QUOTE_CHARS else line[: _QUOTE_CHARS - 1].rstrip() + "…"
