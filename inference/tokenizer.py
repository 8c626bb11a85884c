"""Text to token ids and back.

Messages are laid out by the model's markers, else by its chat template, else as plain lines. Their
texts are never parsed for special tokens: no text can forge a role. Decoding goes through bytes, so
that a character spread over several tokens is shown whole or not at all.
"""

import codecs
import json
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from inference.chat.encoding import TextEncoder, encode
from inference.chat.layout import END_MARKER, ROLE_MARKERS, Layout, MarkerLayout, PlainLayout
from inference.chat.template import TemplateLayout, read_settings, read_template, special_tokens
from inference.errors import InvalidRequest, ModelLoadError
from inference.request import ChatMessage, ExactIds, Exactly, Prompt

QUOTE_MARKERS = ("<|quote|>", "<|/quote|>")
_NUM_REMEMBERED = 16
"""Beginnings of prompts; nearly all requests have the same."""

logger = logging.getLogger(__name__)


class Tokenizer:
    """A fast tokenizer of a checkpoint folder (`tokenizer.json`).

    `fingerprint` is the model's; without one no message's exact ids are believed.
    """

    def __init__(self, folder: Path, vocab_size: int, fingerprint: str = "") -> None:
        path = folder / "tokenizer.json"
        try:
            self._encoder = TextEncoder(path.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises plain Exception, whatever is wrong
            raise ModelLoadError(str(path), f"is not a tokenizer: {error}") from error
        self._fast = self._encoder.first
        if self._fast.get_vocab_size() > vocab_size:
            raise ModelLoadError(
                str(path),
                f"has {self._fast.get_vocab_size()} entries, the model only {vocab_size}",
            )
        self.vocab_size = vocab_size
        self._fingerprint = fingerprint
        self.special_ids = self._encoder.special_ids
        self._bytes = _token_bytes(path, self._fast, vocab_size, self.special_ids)
        self._layout = self._find_layout(folder)
        self.end_ids = self._find_end_ids(folder)
        self._public_ids = self._ids_of_public
        if not isinstance(self._layout, TemplateLayout):  # which may write today's date
            # Public texts are the product's own, so they may be remembered.
            self._public_ids = lru_cache(_NUM_REMEMBERED)(self._ids_of_public)
        if not self.is_append_only:
            logger.info("the chat template writes earlier turns anew, their blocks are not found")

    def encode(self, text: str) -> list[int]:
        """Ids of a text; nothing in it is taken for a special token.

        Raises:
            InvalidRequest: as `chat.encoding.encode`.
        """
        return encode(self._fast, text)

    def encode_continuing(self, text: str) -> list[int]:
        """Ids of a text that follows other text: decoded behind it they are this text exactly."""
        return self._encoder.continuing(text)

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Ids of a prompt in any of its forms; messages end where the answer begins.

        A text begins with what the tokenizer puts before texts; a chat template says itself what a
        conversation begins with.

        Raises:
            InvalidRequest: the prompt is empty, an id is outside the vocabulary, or the model's
                chat template refuses the messages.
        """
        if isinstance(prompt, str):
            ids = [*self._encoder.opening_ids, *self.encode(prompt)] if prompt else []
        elif prompt and isinstance(prompt[0], ChatMessage):
            ids = self._encode_chat([m for m in prompt if isinstance(m, ChatMessage)])
        else:
            ids = [token_id for token_id in prompt if isinstance(token_id, int)]
            if len(ids) < len(prompt):
                raise InvalidRequest("prompt: is neither text, nor messages, nor ids alone")
            return check_ids(ids, self.vocab_size)
        if not ids:
            raise InvalidRequest("prompt: is empty")
        return ids

    def count_public(self, prompt: Prompt, prompt_ids: Sequence[int]) -> int:
        """Of a prompt's ids, those that its public messages alone decide, their markers included.

        Raises:
            InvalidRequest: a public message stands behind one that is not.
        """
        if isinstance(prompt, str):
            return 0
        messages = [one for one in prompt if isinstance(one, ChatMessage)]
        public = tuple(takewhile(lambda one: one.public, messages))
        if any(one.public for one in messages[len(public) :]):
            raise InvalidRequest("public: only the messages that a prompt begins with may be")
        return _common(self._public_ids(public), prompt_ids) if public else 0

    def _ids_of_public(self, public: tuple[ChatMessage, ...]) -> tuple[int, ...]:
        try:
            return tuple(self._encode_chat(public, asks=False))
        except InvalidRequest:  # a template that has no turn for them alone
            return ()

    def encode_exactly(self, segment: Exactly) -> tuple[int, ...]:
        """Ids of a guide's fixed text, between quote markers where it is a quote and they exist."""
        opening, closing = self.quote_ids if segment.quote else ((), ())
        return (*opening, *self.encode_continuing(segment.text), *closing)

    @property
    def quote_ids(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ids that open and close a quote; nothing where the model has no such markers."""
        opening, closing = (self._fast.token_to_id(marker) for marker in QUOTE_MARKERS)
        return ((), ()) if opening is None or closing is None else ((opening,), (closing,))

    def token_text(self, token_id: int) -> str:
        """The text of one token alone; empty for special tokens, U+FFFD for parts of characters."""
        return self._bytes[token_id].decode("utf-8", errors="replace")

    def grammar_bytes(self, token_id: int) -> bytes:
        """The bytes of one token, its name where it is special; never empty."""
        return self._bytes[token_id] or (self._fast.id_to_token(token_id) or "<|unused|>").encode()

    def stream_decoder(self) -> "StreamDecoder":
        """A decoder for one answer."""
        return StreamDecoder(self._bytes)

    @property
    def is_append_only(self) -> bool:
        """Whether a conversation's ids begin with those of its first turns and their answer.

        Where they do not (a template that moves the system text to the last turn, or strips
        thoughts from earlier ones), a prompt is laid out anew and shares blocks up to the change.
        """
        asked = [ChatMessage("system", "s"), ChatMessage("user", "a")]
        later = [ChatMessage("assistant", "b"), ChatMessage("user", "c")]
        try:
            before, after = self._encode_chat(asked), self._encode_chat([*asked, *later])
        except InvalidRequest:
            return False
        return after[: len(before)] == before

    def stop_strings(self, prompt: Prompt) -> tuple[str, ...]:
        """Texts that end the answer to this prompt, where the model has no token for it."""
        is_chat = not isinstance(prompt, str) and any(isinstance(m, ChatMessage) for m in prompt)
        return self._layout.stop_strings if is_chat else ()

    def _find_layout(self, folder: Path) -> Layout:
        markers = (*ROLE_MARKERS.values(), END_MARKER)
        if all(self._fast.token_to_id(marker) is not None for marker in markers):
            return MarkerLayout()
        return read_template(folder, self._encoder.added) or PlainLayout()

    def _find_end_ids(self, folder: Path) -> tuple[int, ...]:
        """What ends an answer, beside what the model's configuration names."""
        eos = special_tokens(read_settings(folder)).get("eos_token")
        found = [None if eos is None else self._fast.token_to_id(eos)]
        if isinstance(self._layout, TemplateLayout):
            turns = [ChatMessage("user", "a"), ChatMessage("assistant", "b")]
            try:
                last = self._layout.pieces(turns, asks=False)[-1]
                found.append(self._encoder.first_added(last.text))
            except InvalidRequest:
                pass
        return tuple({one for one in found if one is not None})

    def _encode_chat(self, messages: Sequence[ChatMessage], *, asks: bool = True) -> list[int]:
        pieces = self._layout.pieces(messages, asks=asks)
        exact = {
            piece.message: (told.token_ids, told.num_chars)
            for piece in pieces
            if piece.message is not None
            and (told := self._exact(messages[piece.message], piece.text)) is not None
        }
        ids = self._encoder.pieces(pieces, exact)
        is_plain = isinstance(self._layout, PlainLayout)  # which leaves the beginning to us
        return [*self._encoder.opening_ids, *ids] if is_plain else ids

    def _exact(self, message: ChatMessage, text: str) -> ExactIds | None:
        """The ids that a message brings along, where they may stand for its text as laid out."""
        exact = message.exact
        if exact is None or not self._is_what_was_said(exact, message):
            return None
        is_as_said = text[: exact.num_chars] == message.text[: exact.num_chars]
        return exact if is_as_said else None

    def _is_what_was_said(self, exact: ExactIds, message: ChatMessage) -> bool:
        """Whether these ids are this model's own and say what the text says."""
        if not exact.fingerprint or exact.fingerprint != self._fingerprint:
            return False
        if any(not 0 <= token_id < self.vocab_size for token_id in exact.token_ids):
            return False
        markers = QUOTE_MARKERS if message.role == "assistant" else ()
        allowed = {self._fast.token_to_id(marker) for marker in markers}
        if (self.special_ids & set(exact.token_ids)) - allowed:
            return False
        spelled = b"".join(self._bytes[token_id] for token_id in exact.token_ids)
        told = message.text[: exact.num_chars]
        return _without_blanks(spelled.decode("utf-8", errors="replace")) == _without_blanks(told)


class StreamDecoder:
    """Token ids to text, one by one; a character comes out when its last byte is there."""

    def __init__(self, token_bytes: Sequence[bytes]) -> None:
        self._token_bytes = token_bytes
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token_id: int) -> str:
        """The whole characters that this token completes."""
        return self._utf8.decode(self._token_bytes[token_id])

    def spell(self, token_id: int) -> bytes:
        """The bytes of one token; none for special ones."""
        return self._token_bytes[token_id]

    def flush(self) -> str:
        """What is left at the end: U+FFFD for a character that never became whole."""
        return self._utf8.decode(b"", final=True)


def check_ids(ids: Sequence[int], vocab_size: int, name: str = "prompt") -> list[int]:
    """The ids of a prompt, checked; `name` is what a refusal calls them.

    Raises:
        InvalidRequest: there are none, or one is outside the vocabulary.
    """
    if not ids:
        raise InvalidRequest(f"{name}: is empty")
    for token_id in ids:
        if not 0 <= token_id < vocab_size:
            raise InvalidRequest(f"{name}: id {token_id} is outside 0 to {vocab_size - 1}")
    return list(ids)


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids both begin with."""
    pairs = zip(first, second, strict=False)
    return next(
        (at for at, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second))
    )


def _token_bytes(
    path: Path, fast: FastTokenizer, vocab_size: int, special: set[int]
) -> list[bytes]:
    """The bytes each token stands for; none for special ones and for padding."""
    text = path.read_text(encoding="utf-8")
    decoder = json.dumps(json.loads(text).get("decoder"))
    if "ByteLevel" in decoder:
        convert = _byte_level(_byte_alphabet())
    elif "ByteFallback" in decoder or "Metaspace" in decoder:
        convert = _byte_fallback
    else:
        raise ModelLoadError(str(path), "has neither a byte-level nor a byte-fallback decoder")
    result = [b""] * vocab_size
    for token, token_id in fast.get_vocab(with_added_tokens=True).items():
        if token_id not in special:
            result[token_id] = convert(token)
    return result


def _byte_alphabet() -> dict[str, int]:
    """The printable characters that stand for bytes in byte-level BPE (GPT-2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    return alphabet | {chr(256 + index): byte for index, byte in enumerate(others)}


def _byte_level(alphabet: dict[str, int]) -> Callable[[str], bytes]:
    def convert(token: str) -> bytes:
        if all(char in alphabet for char in token):
            return bytes(alphabet[char] for char in token)
        return token.encode()  # an added token that is plain text

    return convert


def _byte_fallback(token: str) -> bytes:
    """SentencePiece: U+2581 is a space, `<0x0A>` a byte."""
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes([int(token[3:5], 16)])
    return token.replace("\u2581", " ").encode()
