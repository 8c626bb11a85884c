"""A conversation and passages to chat messages; pure.

The layout is append-only (`context.py`): the product's preamble, which all workspaces share, the
workspace's policy, then the turns, the passages directly before the words they were found for.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from app.answers.context import (
    CHARS_PER_TOKEN,
    MARKERS,
    SPARE_TOKENS,
    Cut,
    Head,
    Past,
    Piece,
    Window,
    catch_up,
    cut_text,
    estimate_tokens,
    lay_out_history,
    render,
)
from app.conversations.answering import Turn
from app.knowledge.passages import Passage
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerPolicy
from inference import ChatMessage

PREAMBLE = (
    "Be polite and brief. Take facts only from the passages and quote them. "
    "If they do not hold the answer, say so and offer a person."
)
"""The product's own words: its blocks are shared by all workspaces."""
POLICY = "You are the customer care assistant of {company}."
MAX_NEW_CHARS = 2_700
"""Of what a turn adds: what was said meanwhile, passages, question."""
_MAX_PASSAGES_CHARS = 1_100


@dataclass(frozen=True)
class Talk:
    """A conversation as the prompt needs it: what was said, and what the engine has computed."""

    company: str
    turns: tuple[Turn, ...]
    """Oldest first."""
    pasts: tuple[Past, ...]
    window: Window
    policy: AnswerPolicy = DEFAULT_POLICY


@dataclass(frozen=True)
class Prompt:
    """The messages of a turn; `pieces` is what is new in them, `cut` where their history begins."""

    messages: tuple[ChatMessage, ...]
    pieces: tuple[Piece, ...]
    cut: Cut
    head: str
    """The mark of what it begins with."""


def build_prompt(
    talk: Talk,
    question_seqs: Sequence[int],
    history_seq: int,
    passages: Sequence[Passage],
    num_answer_tokens: int,
) -> Prompt:
    """The prompt for the question at these places; the first passage is marked [1].

    Up to `history_seq` the conversation stands before it. `num_answer_tokens` are kept free.
    """
    head = head_of(talk.company, talk.policy)
    now = [Piece("user", tuple(question_seqs))]
    if passages:
        now.insert(0, Piece("passages", text=passages_text(passages)))
    free = talk.window.max_tokens - num_answer_tokens
    most_chars = min(MAX_NEW_CHARS, free * CHARS_PER_TOKEN - _num_chars(head.messages))
    room = most_chars - _num_chars(render(now, talk.turns))
    covered_seq = talk.pasts[-1].seq if talk.pasts else 0
    pieces = (*catch_up(talk.turns, covered_seq, history_seq + 1, room), *now)
    new = render(pieces, talk.turns)
    num_new_tokens = SPARE_TOKENS + num_answer_tokens
    num_new_tokens += sum(estimate_tokens(one.text) + MARKERS for one in new)
    history = lay_out_history(head, talk.pasts, talk.turns, talk.window, num_new_tokens)
    messages = (*head.messages, *history.messages, *new)
    return Prompt(messages, pieces, history.cut, head.mark)


def head_of(company: str, policy: AnswerPolicy) -> Head:
    """What every prompt of this company begins with; equal decisions, equal blocks."""
    messages = system_messages(company, policy.guidance)
    marked = "\0".join([*(one.text for one in messages), policy.mask_pii.value])
    return Head(messages, hashlib.sha256(marked.encode()).hexdigest()[:16])


def system_messages(company: str, guidance: str = "") -> tuple[ChatMessage, ...]:
    """The product's preamble, the company's policy, and its guidance where there is any."""
    own = ChatMessage(role="system", text=POLICY.format(company=company))
    guided = (ChatMessage(role="system", text=guidance),) if guidance else ()
    return (ChatMessage(role="system", text=PREAMBLE, public=True), own, *guided)


def passages_text(passages: Sequence[Passage]) -> str:
    """The passages turn: `[1] title: sentences` a line; later ones only if they fit."""
    lines: list[str] = []
    left = _MAX_PASSAGES_CHARS
    for marker, passage in enumerate(passages, start=1):
        line = f"[{marker}] {passage.article.title}: {passage.text}"
        if lines and len(line) > left:
            break
        lines.append(cut_text(line, _MAX_PASSAGES_CHARS))
        left -= len(line)
    return "\n".join(lines)


def _num_chars(messages: Sequence[ChatMessage]) -> int:
    return sum(len(message.text) for message in messages)
