"""An answer's text as it grows: whole characters, cut before a stop string."""

from collections.abc import Sequence

import msgspec

from inference.request import TokenLogprob
from inference.tokenizer import StreamDecoder


class AnswerText:
    """Turns tokens into text that may be shown.

    What could still become a stop string is held back until it has or has not. A stop string counts
    where all of it comes behind the first `min_tokens` tokens. The text shown after n tokens
    depends on those n tokens alone, not on how they were grouped into steps.
    """

    def __init__(
        self, decoder: StreamDecoder | None, stop: Sequence[str], min_tokens: int = 0
    ) -> None:
        self._decoder = decoder
        self._stop = tuple(stop)
        self._min_tokens = min_tokens
        self._num_tokens = 0
        self._held = ""

    def feed(self, token_id: int) -> tuple[str, bool]:
        """The text this token makes showable, and whether a stop string has ended the answer."""
        if self._decoder is None:
            return "", False
        self._num_tokens += 1
        return self._release(self._decoder.feed(token_id))

    def flush(self) -> str:
        """The rest, when the answer ends for another reason than a stop string."""
        if self._decoder is None:
            return ""
        text, is_stopped = self._release(self._decoder.flush())
        if is_stopped:
            return text
        text, self._held = text + self._held, ""
        return text

    def spelled(self, found: TokenLogprob) -> TokenLogprob:
        """The same with the bytes of its tokens."""
        if self._decoder is None:
            return found
        spelled = {one: self._decoder.spell(one) for one in (found.token_id, *found.top)}
        return msgspec.structs.replace(found, spelled=spelled)

    def _release(self, new: str) -> tuple[str, bool]:
        if not self._stop or self._num_tokens <= self._min_tokens:
            return new, False
        text = self._held + new
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self._held = ""
            return text[: min(found)], True
        keep = max(_overlap(text, stop) for stop in self._stop)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0
