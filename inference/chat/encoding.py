"""From pieces to ids: special tokens are looked for in the layout's own words alone.

Between two special tokens everything is encoded as one text, the layout's words with the
messages', since a tokenizer may join the end of one and the beginning of the other. So the ids of
harmless conversations are those of transformers' `apply_chat_template`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer as FastTokenizer

from inference.chat.layout import Piece
from inference.errors import InvalidRequest

# Added tokens that are not called special, but that no customer writes by accident.
_MARKUP = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")


@dataclass(frozen=True)
class AddedToken:
    """A token with a text of its own, and whether it swallows the blanks beside it."""

    token_id: int
    takes_left: bool
    takes_right: bool


class TextEncoder:
    """One tokenizer file in its three uses; in none of them does text become a special token.

    Raises:
        Exception: whatever the library says of a file that is none.
    """

    def __init__(self, text: str) -> None:
        raw: dict[str, Any] = json.loads(text)
        self.special_ids = {
            token["id"] for token in raw.get("added_tokens") or [] if token["special"]
        }
        for token in raw.get("added_tokens") or []:
            token["special"] = token["special"] or _MARKUP.fullmatch(token["content"]) is not None
        self.first = _tokenizer(raw)
        """For the beginning of a text."""
        later, behind = (_without_first_blank(raw, always=always) for always in (False, True))
        self._later = self.first if later == raw else _tokenizer(later)
        self._behind = self.first if behind == raw else _tokenizer(behind)
        self._added = {
            token["content"]: AddedToken(token["id"], token["lstrip"], token["rstrip"])
            for token in raw.get("added_tokens") or []
        }
        self.added = frozenset(self._added)
        longest_first = sorted(self._added, key=len, reverse=True)
        self._split = re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})").split
        self.opening_ids = self._opening_ids()

    def continuing(self, text: str) -> list[int]:
        """Ids that decode, behind others, to this text exactly: no blank is put in front."""
        return encode(self._behind, text)

    def pieces(
        self, pieces: Iterable[Piece], exact: Mapping[int, tuple[Sequence[int], int]]
    ) -> list[int]:
        """Ids of a conversation; of message m, `exact[m]` are those of its first characters."""
        writer = _Writer(self.first)
        for text, message in _joined(pieces):
            if message is not None:
                told, num_chars = exact.get(message, ((), 0))
                if told:
                    writer.copy(told, self._behind)
                writer.say(text[num_chars:])
                continue
            for number, part in enumerate(self._split(text)):
                if number % 2:
                    writer.mark(self._added[part], self._later)
                else:
                    writer.say(part)
        return writer.finish()

    def first_added(self, text: str) -> int | None:
        """The added token that a layout's text begins with, blanks aside."""
        found = self._split(text)
        is_first = len(found) > 1 and not found[0].strip()
        return self._added[found[1]].token_id if is_first else None

    def _opening_ids(self) -> list[int]:
        """What the tokenizer itself puts before a text; most put nothing there, or one token."""
        bare = encode(self.first, "a")
        whole: list[int] = self.first.encode("a", add_special_tokens=True).ids
        for start in range(len(whole) - len(bare) + 1):
            if whole[start : start + len(bare)] == bare:
                return whole[:start]
        return []


class _Writer:
    """The ids so far, and the text since the last special token."""

    def __init__(self, encode: FastTokenizer) -> None:
        self._ids: list[int] = []
        self._text = ""
        self._encode = encode
        self._takes_blanks = False

    def say(self, text: str) -> None:
        """Go on with text."""
        self._text += text.lstrip() if self._takes_blanks and not self._text else text

    def mark(self, added: AddedToken, following: FastTokenizer) -> None:
        """End the text with a special token; what follows is another tokenizer's."""
        if added.takes_left:
            self._text = self._text.rstrip()
        self.copy((added.token_id,), following)
        self._takes_blanks = added.takes_right

    def copy(self, ids: Sequence[int], following: FastTokenizer) -> None:
        """End the text with ids as they are."""
        self._ids += [*encode(self._encode, self._text), *ids]
        self._text, self._encode, self._takes_blanks = "", following, False

    def finish(self) -> list[int]:
        """All of it."""
        self.copy((), self._encode)
        return self._ids


def _joined(pieces: Iterable[Piece]) -> list[tuple[str, int | None]]:
    """Neighbouring words of the layout as one, so that a token across two is found."""
    joined: list[tuple[str, int | None]] = []
    for piece in pieces:
        if joined and piece.message is None and joined[-1][1] is None:
            joined[-1] = (joined[-1][0] + piece.text, None)
        else:
            joined.append((piece.text, piece.message))
    return joined


def _tokenizer(raw: Mapping[str, Any]) -> FastTokenizer:
    fast = FastTokenizer.from_str(json.dumps(raw))
    fast.encode_special_tokens = True  # text that looks like a marker stays text
    return fast


def encode(fast: FastTokenizer, text: str) -> list[int]:
    """Ids of a text as it stands.

    Raises:
        InvalidRequest: it has half of a surrogate pair, as JSON may; no encoding can carry it.
    """
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        raise InvalidRequest("text: has half of a surrogate pair, which is no character")
    ids: list[int] = fast.encode(text, add_special_tokens=False).ids if text else []
    return ids


def _without_first_blank(raw: Mapping[str, Any], *, always: bool) -> dict[str, Any]:
    """The same file, but putting no blank before a text that does not stand first.

    SentencePiece's blank is put there by `Metaspace` ("first": before a prompt only) or by a
    `Prepend` normalizer (before every stretch between special tokens: kept unless `always`).
    """

    def change(node: Any) -> Any:
        if isinstance(node, list):
            return [one for one in map(change, node) if one is not None]
        if not isinstance(node, dict):
            return node
        if always and node.get("type") == "Prepend":
            return None
        changed = {name: change(one) for name, one in node.items()}
        if node.get("type") == "Metaspace" and (always or node.get("prepend_scheme") == "first"):
            changed["prepend_scheme"] = "never"
            changed.pop("add_prefix_space", None)
        if always and node.get("type") == "ByteLevel":
            changed["add_prefix_space"] = False
        return changed

    parts = ("normalizer", "pre_tokenizer")
    return {name: change(one) if name in parts else one for name, one in raw.items()}
