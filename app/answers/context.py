"""What of a conversation stands in a prompt; pure.

A conversation is append-only, token for token: a prompt is the one before it, that answer as the
engine computed it, and then what is new. So the engine finds everything but the new part in its
cache. What each whole answer had added is stored with it as `Past`: whose words by their places in
the conversation (a text stands once, in its message), passages as they were. All else that was said
(a human's words, what is left of an answer that was cut off, answers without the engine) enters as
text with the next answer.

When the engine's window is nearly full, history is cut once and by much: the older half of the
answers goes, the newer half loses its passages. Then it grows again from there.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from app.conversations.answering import Turn
from app.vocabulary import Role
from inference import ChatMessage, ExactIds

LAYOUT = 1
"""Of the stored form; a `Past` of another one enters as text."""
MAX_PASTS = 64
MAX_QUESTION_CHARS = 600
MAX_TURN_CHARS = 300
CHARS_PER_TOKEN = 3
MARKERS = 2
"""Tokens around a message: whose it is, and its end."""
SPARE_TOKENS = 16
"""A short text may have so many more than estimated."""

Speaking = Literal["user", "assistant", "agent", "passages"]
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """What the engine holds: tokens of prompt and answer together, and whose ids it knows."""

    max_tokens: int
    fingerprint: str


SHIPPED_WINDOW = Window(2_048, "")
"""Of the shipped model, where no engine has told."""


@dataclass(frozen=True)
class Piece:
    """One message of a prompt: the words at these places of the conversation, or passages."""

    role: Speaking
    seqs: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Cut:
    """Where history begins: behind `dropped_seq`; up to `bare_seq` it has lost its passages."""

    dropped_seq: int = 0
    bare_seq: int = 0


@dataclass(frozen=True)
class Past:
    """A whole answer at place `seq`, and what its prompt had that the one before had not."""

    seq: int
    pieces: tuple[Piece, ...]
    cut: Cut
    exact: ExactIds
    num_tokens: int
    """Of its prompt and itself, counted by the model of `exact`."""
    head: str = ""
    """The mark of what its prompt began with."""


@dataclass(frozen=True)
class Head:
    """What every prompt of a workspace begins with; it changes with the company's guidance."""

    messages: tuple[ChatMessage, ...]
    mark: str
    """Of these messages and of how others' words are masked: counts hold where it is equal."""


def to_store(pieces: Sequence[Piece], cut: Cut, exact: ExactIds, head: str = "") -> JsonObject:
    """What is stored of an answer beside ids and counts, which have columns of their own."""
    return {
        "layout": LAYOUT,
        "pieces": [
            {"role": piece.role, "seqs": list(piece.seqs), "text": piece.text} for piece in pieces
        ],
        "dropped_seq": cut.dropped_seq,
        "bare_seq": cut.bare_seq,
        "num_chars": exact.num_chars,
        "fingerprint": exact.fingerprint,
        "head": head,
    }


def restored(
    stored: JsonObject | None, seq: int, token_ids: Sequence[int], num_prompt_tokens: int
) -> Past | None:
    """The answer at place `seq` as it was stored; None where it enters as text."""
    if not stored or stored["layout"] != LAYOUT:
        return None
    return Past(
        seq=seq,
        pieces=tuple(
            Piece(piece["role"], tuple(piece["seqs"]), piece["text"]) for piece in stored["pieces"]
        ),
        cut=Cut(stored["dropped_seq"], stored["bare_seq"]),
        exact=ExactIds(tuple(token_ids), stored["num_chars"], stored["fingerprint"]),
        num_tokens=num_prompt_tokens + len(token_ids),
        head=stored.get("head", ""),
    )


@dataclass(frozen=True)
class History:
    """What stands between the system's messages and the new part of a prompt."""

    messages: tuple[ChatMessage, ...]
    cut: Cut


def lay_out_history(
    head: Head,
    pasts: Sequence[Past],
    turns: Sequence[Turn],
    window: Window,
    num_new_tokens: int,
) -> History:
    """As it was, if `num_new_tokens` fit behind it; else cut."""
    said = {turn.seq: turn for turn in turns}
    cut = pasts[-1].cut if pasts else Cut()
    kept = [past for past in pasts if past.seq > cut.dropped_seq]
    while True:
        messages = _messages(kept, cut, said)
        num_tokens = _num_tokens(head, messages, kept[-1] if kept else None, cut, window)
        fits = num_tokens + num_new_tokens <= window.max_tokens and len(kept) < MAX_PASTS
        if fits or not kept:
            return History(messages, cut)
        newer = kept[(len(kept) + 1) // 2 :]
        cut = Cut(dropped_seq=kept[-len(newer) - 1].seq, bare_seq=kept[-1].seq)
        kept = newer


def catch_up(turns: Sequence[Turn], after_seq: int, before_seq: int, room: int) -> list[Piece]:
    """What was said between two places and not to the engine: the newest that fit in `room` chars.

    Turns of one speaker in a row are one message; what the system said is left out.
    """
    spoken = [
        turn for turn in turns if after_seq < turn.seq < before_seq and turn.role is not Role.SYSTEM
    ]
    said = {turn.seq: turn for turn in spoken}
    runs = [
        Piece(_SPEAKING[role], tuple(turn.seq for turn in run))
        for role, run in groupby(spoken, key=lambda turn: turn.role)
    ]
    kept: list[Piece] = []
    for piece in reversed(runs):
        room -= len(_text(piece, said, MAX_TURN_CHARS))
        if room < 0:
            break
        kept.insert(0, piece)
    while kept and after_seq == 0 and kept[0].role != "user":
        kept.pop(0)
    return kept


def render(pieces: Iterable[Piece], turns: Sequence[Turn]) -> list[ChatMessage]:
    """The messages of a prompt's new part."""
    return _rendered(tuple(pieces), {turn.seq: turn for turn in turns}, is_bare=False)


def estimate_tokens(text: str) -> int:
    """How many tokens a text will be, rather too many: three letters one, each other byte one."""
    letters = sum(char.isascii() and (char.isalpha() or char == " ") for char in text)
    return math.ceil(letters / CHARS_PER_TOKEN) + len(text.encode()) - letters


def cut_text(text: str, limit: int) -> str:
    """The text, or its whole words within `limit` characters."""
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0]


_SPEAKING: dict[Role, Speaking] = {
    Role.CUSTOMER: "user",
    Role.BOT: "assistant",
    Role.AGENT: "agent",
}


def _messages(pasts: Sequence[Past], cut: Cut, said: Mapping[int, Turn]) -> tuple[ChatMessage, ...]:
    messages: list[ChatMessage] = []
    for past in pasts:
        messages += _rendered(past.pieces, said, is_bare=past.seq <= cut.bare_seq)
        if past.seq in said:
            text = said[past.seq].text
            messages.append(ChatMessage(role="assistant", text=text, exact=past.exact))
    return tuple(messages)


def _rendered(
    pieces: Sequence[Piece], said: Mapping[int, Turn], *, is_bare: bool
) -> list[ChatMessage]:
    """The last piece is the question, which may be longer; one whose text is erased is left out."""
    messages = []
    for number, piece in enumerate(pieces, start=1):
        if is_bare and piece.role == "passages":
            continue
        limit = MAX_QUESTION_CHARS if number == len(pieces) else MAX_TURN_CHARS
        text = _text(piece, said, limit)
        if text:
            messages.append(ChatMessage(role=piece.role, text=text))
    return messages


def _text(piece: Piece, said: Mapping[int, Turn], limit: int) -> str:
    if piece.role == "passages":
        return piece.text
    return cut_text("\n".join(said[seq].text for seq in piece.seqs if seq in said), limit)


def _num_tokens(
    head: Head,
    messages: Sequence[ChatMessage],
    last: Past | None,
    cut: Cut,
    window: Window,
) -> int:
    """Counted where this engine has computed just that, else estimated."""
    is_counted = last is not None and (last.cut, last.head) == (cut, head.mark) and bool(messages)
    if last is None or not is_counted or last.exact.fingerprint != window.fingerprint:
        return sum(_size(one, window) for one in (*head.messages, *messages))
    replaced = messages[-1].text[last.exact.num_chars :]
    return last.num_tokens + estimate_tokens(replaced) + MARKERS


def _size(message: ChatMessage, window: Window) -> int:
    exact, text = message.exact, message.text
    if exact is not None and exact.fingerprint == window.fingerprint:
        return len(exact.token_ids) + estimate_tokens(text[exact.num_chars :]) + MARKERS
    return estimate_tokens(text) + MARKERS
