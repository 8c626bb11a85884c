"""History and passages to chat messages; pure.

The layout is append-only, so that the engine finds the beginning of every prompt in its cache: the
system text, then the turns, the passages directly before the words they were found for. Budgets are
in characters, three to a token, which leaves room on English text.
"""

from collections.abc import Sequence
from itertools import groupby

from app.conversations.answering import Turn
from app.knowledge.passages import Passage
from app.vocabulary import MessageState, Role
from inference import ChatMessage

PROMPT_VERSION = 1
SYSTEM_TEXT = (
    "You are the customer care assistant of {company}. Be polite and brief. "
    "Take facts only from the passages and quote them. "
    "If they do not hold the answer, say so and offer a person."
)
MAX_PROMPT_CHARS = 2_700
_MAX_PASSAGES_CHARS = 1_100
_MAX_QUESTION_CHARS = 600
_MAX_TURN_CHARS = 300


def build_messages(
    company: str, turns: Sequence[Turn], question: str, passages: Sequence[Passage]
) -> tuple[ChatMessage, ...]:
    """The prompt: as many of the last `turns` as fit, then the passages, then the question.

    `turns` are those before the question, oldest first. The first passage is marked [1].
    """
    system = ChatMessage(role="system", text=SYSTEM_TEXT.format(company=company))
    now = [ChatMessage(role="user", text=_cut(question, _MAX_QUESTION_CHARS))]
    if passages:
        now.insert(0, ChatMessage(role="passages", text=passages_text(passages)))
    left = MAX_PROMPT_CHARS - sum(len(message.text) for message in (system, *now))
    return (system, *_recent(turns, left), *now)


def passages_text(passages: Sequence[Passage]) -> str:
    """The passages turn: `[1] title: sentences` a line; later ones only if they fit."""
    lines: list[str] = []
    left = _MAX_PASSAGES_CHARS
    for marker, passage in enumerate(passages, start=1):
        line = f"[{marker}] {passage.article.title}: {passage.text}"
        if lines and len(line) > left:
            break
        lines.append(_cut(line, _MAX_PASSAGES_CHARS))
        left -= len(line)
    return "\n".join(lines)


def _recent(turns: Sequence[Turn], left: int) -> list[ChatMessage]:
    kept: list[ChatMessage] = []
    for message in reversed(_merged(turns)):
        left -= len(message.text)
        if left < 0:
            break
        kept.append(message)
    while kept and kept[-1].role != "user":
        kept.pop()
    return kept[::-1]


def _merged(turns: Sequence[Turn]) -> list[ChatMessage]:
    """Turns of one speaker in a row are one message; what the system said is left out."""
    spoken = [
        turn
        for turn in turns
        if turn.role is not Role.SYSTEM and turn.state is MessageState.COMPLETE
    ]
    merged = []
    for role, run in groupby(spoken, key=lambda turn: turn.role):
        text = _cut("\n".join(turn.text for turn in run), _MAX_TURN_CHARS)
        match role:
            case Role.CUSTOMER:
                merged.append(ChatMessage(role="user", text=text))
            case Role.BOT:
                merged.append(ChatMessage(role="assistant", text=text))
            case _:
                merged.append(ChatMessage(role="agent", text=text))
    return merged


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0]
