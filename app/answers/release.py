"""From the engine's chunks to what a reader may see; pure.

Copies stream through as they come and are compared letter by letter with the plan. Own words are
held back until their segment ends, checked as a whole sentence, and then given out word by word,
so nothing has ever to be taken back and no cut into chunks can change what is shown.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from app.answers.guards import Breach, clean, find_breach
from app.answers.planning import Copy, Own, Part

_WORD = re.compile(r"\S+\s*")
_SENTENCE_END = re.compile(r"[.!?]+")


class Deviation(Exception):
    """The engine said something else where it had to copy."""


class Release:
    """The text of one answer; `breaches` tells which own sentences were replaced, and why."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._current = 0
        self._pending = ""
        self._num_copied = 0
        self._shown = ""
        self.breaches: list[Breach] = []

    @property
    def is_complete(self) -> bool:
        """Whether the whole plan has been said."""
        return self._current == len(self._parts)

    def feed(self, text: str, segment: int | None) -> list[str]:
        """What may be shown now; `segment` is the part that the end of `text` belongs to.

        Raises:
            Deviation: a copy is not one.
        """
        if self.is_complete:
            return []
        self._pending += text
        shown: list[str] = []
        last = self._current if segment is None else min(segment, len(self._parts) - 1)
        while self._current < last:
            shown += self._end_part(self._cut())
        part = self._parts[self._current]
        if isinstance(part, Copy):
            shown += self._copy(part)
        return shown

    def finish(self) -> list[str]:
        """The rest, when the engine says no more: its last words checked, the copies as planned."""
        shown: list[str] = []
        while not self.is_complete:
            shown += self._end_part(self._pending)
            self._pending = ""
        return shown

    def _cut(self) -> str:
        """Take the text of the part that has ended from what is pending."""
        part, following = self._parts[self._current : self._current + 2]
        if isinstance(part, Copy):
            end = len(part.text) - self._num_copied
        elif isinstance(following, Own):
            found = _SENTENCE_END.search(self._pending)
            end = found.end() if found else len(self._pending)
        else:
            end = _start_of(self._copies_ahead(), self._pending)
        ended, self._pending = self._pending[:end], self._pending[end:]
        return ended

    def _copies_ahead(self) -> str:
        """All that must stand between the current own words and the next."""
        ahead = takewhile(lambda part: isinstance(part, Copy), self._parts[self._current + 1 :])
        return "".join(part.text for part in ahead if isinstance(part, Copy))

    def _end_part(self, text: str) -> list[str]:
        """Close the current part, whose text since the last chunk is `text`."""
        part = self._parts[self._current]
        self._current += 1
        if isinstance(part, Own):
            return self._own_words(part, text)
        rest, self._num_copied = part.text[self._num_copied :], 0
        if not rest.startswith(text):
            raise Deviation
        return self._show(rest)

    def _copy(self, part: Copy) -> list[str]:
        rest = part.text[self._num_copied :]
        text, self._pending = self._pending, ""
        if not rest.startswith(text):
            raise Deviation
        self._num_copied += len(text)
        if self._num_copied == len(part.text):
            self._current += 1
            self._num_copied = 0
        return self._show(text)

    def _own_words(self, part: Own, text: str) -> list[str]:
        sentence = " ".join(clean(text).split())
        breach = find_breach(sentence, part.setting)
        if breach is not None:
            self.breaches.append(breach)
            sentence = part.fallback
        if sentence and self._shown and not self._shown.endswith((" ", "\n")):
            sentence = f" {sentence}"
        pieces = _WORD.findall(sentence)
        if sentence.startswith(" "):
            pieces[0] = f" {pieces[0]}"
        return [piece for found in pieces for piece in self._show(found)]

    def _show(self, text: str) -> list[str]:
        self._shown += text
        return [text] if text else []


def _start_of(copy: str, pending: str) -> int:
    """Where in `pending` the copy begins, which may not be whole yet, or have text behind it."""
    starts = range(len(pending))
    fits = (
        start
        for start in starts
        if copy.startswith(pending[start:]) or pending.startswith(copy, start)
    )
    return next(fits, len(pending))
