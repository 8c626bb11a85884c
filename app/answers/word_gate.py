"""A sentence given out word by word, while nothing in it breaks a rule; pure.

A word is shown when some more have come behind it and all of them together break no rule, so that a
phrase that must not be said is noticed before its first word is seen. Words are looked at one by
one, whatever pieces they come in.
"""

from collections.abc import Callable

from app.answers.guards import Breach, clean
from app.workspace.answer_policy import MAX_NEVER_SAY_WORDS, ReleaseMode

HELD_WORDS = MAX_NEVER_SAY_WORDS
CUT = "…"
"""Stands where a sentence was begun and is not gone on with."""


class WordGate:
    """One sentence on its way; `finds` tells what its first words break."""

    def __init__(self, finds: Callable[[str], Breach | None], mode: ReleaseMode) -> None:
        self._finds = finds
        self._mode = mode
        self._num_looked_at = 0
        self._num_shown = 0

    @property
    def has_shown(self) -> bool:
        """Whether any of it has been seen."""
        return self._num_shown > 0

    def look(self, begun: str) -> list[str]:
        """The next words that may be shown of a sentence that stands so far; `begun` only grows.

        None of a sentence that is to be whole first.
        """
        if self._mode is ReleaseMode.SENTENCE:
            return []
        cleaned = clean(begun)
        words = cleaned.split()
        num_whole = len(words) if cleaned[-1:].isspace() else len(words) - 1
        shown: list[str] = []
        while self._num_looked_at < num_whole:
            self._num_looked_at += 1
            free = self._num_looked_at - HELD_WORDS
            if free > 0 and self._finds(" ".join(words[: self._num_looked_at])) is None:
                shown += words[self._num_shown : free]
                self._num_shown = free
        return shown

    def rest(self, sentence: str) -> list[str]:
        """What has not been shown of a whole sentence that may be said."""
        words = clean(sentence).split()[self._num_shown :]
        self._num_shown += len(words)
        return words
