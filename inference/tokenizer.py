"""Text to token ids and back.

Message texts are encoded alone and never parsed for special tokens, then joined with the markers'
ids: no text can forge a role. Decoding goes through bytes, so that a character spread over several
tokens is shown whole or not at all.
"""

import codecs
import json
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from inference.errors import InvalidRequest, ModelLoadError
from inference.request import ChatMessage, ExactIds, Exactly, Prompt

ROLE_MARKERS = {
    "system": "<|system|>",
    "user": "<|customer|>",
    "assistant": "<|assistant|>",
    "passages": "<|passages|>",
    "agent": "<|agent|>",
}
END_MARKER = "<|end|>"
QUOTE_MARKERS = ("<|quote|>", "<|/quote|>")


class Tokenizer:
    """A fast tokenizer of a checkpoint folder (`tokenizer.json`).

    `fingerprint` is the model's; without one no message's exact ids are believed.
    """

    def __init__(self, folder: Path, vocab_size: int, fingerprint: str = "") -> None:
        path = folder / "tokenizer.json"
        try:
            self._fast = FastTokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception, whatever is wrong
            raise ModelLoadError(str(path), f"is not a tokenizer: {error}") from error
        self._fast.encode_special_tokens = True  # text that looks like a marker stays text
        if self._fast.get_vocab_size() > vocab_size:
            raise ModelLoadError(
                str(path),
                f"has {self._fast.get_vocab_size()} entries, the model only {vocab_size}",
            )
        self.vocab_size = vocab_size
        self._fingerprint = fingerprint
        self.special_ids = {
            token_id
            for token_id, token in self._fast.get_added_tokens_decoder().items()
            if token.special
        }
        self._bytes = _token_bytes(path, self._fast, vocab_size, self.special_ids)

    def encode(self, text: str) -> list[int]:
        """Ids of a text; nothing in it is taken for a special token."""
        ids: list[int] = self._fast.encode(text, add_special_tokens=False).ids
        return ids

    def encode_continuing(self, text: str) -> list[int]:
        """Ids of a text that follows other text: decoded behind it they are this text exactly."""
        return self.encode(text) if text else []

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Ids of a prompt in any of its forms; messages end in the marker of the answer.

        Raises:
            InvalidRequest: the prompt is empty, an id is outside the vocabulary, or the model has
                no chat markers.
        """
        if isinstance(prompt, str):
            ids = self.encode(prompt)
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

    def count_public(self, prompt: Prompt) -> int:
        """Tokens of the public messages that a prompt begins with, their markers included.

        Raises:
            InvalidRequest: a public message stands behind one that is not.
        """
        if isinstance(prompt, str):
            return 0
        messages = [one for one in prompt if isinstance(one, ChatMessage)]
        public = list(takewhile(lambda one: one.public, messages))
        if any(one.public for one in messages[len(public) :]):
            raise InvalidRequest("public: only the messages that a prompt begins with may be")
        return sum(len(self._encode_turn(one)) + 2 for one in public)

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

    def _encode_chat(self, messages: Sequence[ChatMessage]) -> list[int]:
        end = self._marker(END_MARKER)
        ids: list[int] = []
        for message in messages:
            ids += [self._marker(ROLE_MARKERS[message.role]), *self._encode_turn(message), end]
        return [*ids, self._marker(ROLE_MARKERS["assistant"])]

    def _encode_turn(self, message: ChatMessage) -> list[int]:
        exact = message.exact
        if exact is None or not self._is_what_was_said(exact, message):
            return self.encode(message.text)
        return [*exact.token_ids, *self.encode(message.text[exact.num_chars :])]

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

    def _marker(self, marker: str) -> int:
        token_id: int | None = self._fast.token_to_id(marker)
        if token_id is None:
            raise InvalidRequest(f"messages: this model's tokenizer has no marker {marker}")
        return token_id


class StreamDecoder:
    """Token ids to text, one by one; a character comes out when its last byte is there."""

    def __init__(self, token_bytes: Sequence[bytes]) -> None:
        self._token_bytes = token_bytes
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token_id: int) -> str:
        """The whole characters that this token completes."""
        return self._utf8.decode(self._token_bytes[token_id])

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
