"""From the engine's chunks to what a reader may see; pure.

Copies stream through as they come and are compared letter by letter with the plan. Own words are
held back until their segment ends, checked as a whole sentence, and then given out word by word,
so nothing has ever to be taken back and no cut into chunks can change what is shown.
"""

import re
from collections.abc import Sequence

from app.answers.guards import Breach, clean, find_breach
from app.answers.parts import Own, Part

_WORD = re.compile(r"\S+\s*")


class Deviation(Exception):
    """The engine said something else where it had to copy."""


class Release:
    """The text of one answer; `breaches` tells which own sentences were replaced, and why.

    The first `num_exact_parts` parts, `num_exact_chars` characters of what was shown, are what the
    engine said; what comes behind them it has not said like that.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._current = 0
        self._said = ""
        self._shown = ""
        self._is_exact = True
        self.num_exact_parts = 0
        self.num_exact_chars = 0
        self.breaches: list[Breach] = []

    @property
    def is_complete(self) -> bool:
        """Whether the whole plan has been said."""
        return self._current == len(self._parts)

    def feed(self, text: str, segment: int | None) -> list[str]:
        """What may be shown now; `text` belongs to part `segment`, None being the current one.

        Raises:
            Deviation: a copy is not one.
        """
        shown: list[str] = []
        last = len(self._parts) - 1
        while self._current < (self._current if segment is None else min(segment, last)):
            shown += self._end_part()
        if self.is_complete:
            return shown
        self._said += text
        part = self._parts[self._current]
        if isinstance(part, Own):
            return shown
        if not part.text.startswith(self._said):
            raise Deviation
        return shown + self._show(text)

    def finish(self) -> list[str]:
        """The rest, when the engine says no more: its last words checked, the copies as planned."""
        shown: list[str] = []
        while not self.is_complete:
            shown += self._end_part()
        return shown

    def _end_part(self) -> list[str]:
        part, said = self._parts[self._current], self._said
        self._current += 1
        self._said = ""
        if isinstance(part, Own):
            shown = self._own_words(part, said)
        else:
            self._is_exact &= said == part.text
            shown = self._show(part.text[len(said) :])
        if self._is_exact:
            self.num_exact_parts, self.num_exact_chars = self._current, len(self._shown)
        return shown

    def _own_words(self, part: Own, text: str) -> list[str]:
        sentence = " ".join(clean(text).split())
        breach = find_breach(sentence, part.setting)
        self._is_exact &= breach is None and sentence == " ".join(text.split())
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
