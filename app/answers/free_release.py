"""What may be seen of an answer that the model writes without a guide; pure.

Each sentence is checked against the passages (`support.py`), whatever the model cites: one that a
passage supports is shown with that passage's marker, one that states nothing as it is, any other is
dropped. What is left of an answer is mended from its articles: with a quote where more was dropped
than kept, with the plan's own copies where nothing was.

Token by token, words follow the model at a short distance while no fact is among them that stands
in no passage. A sentence that fails its check when it is whole has been read by then, so the answer
says that it cannot be confirmed, quotes, and ends.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.answers.guards import Breach, Setting, clean
from app.answers.parts import Own, Part
from app.answers.support import SupportCheck, Supported
from app.answers.word_gate import CUT, WordGate
from app.knowledge.passages import Passage
from app.workspace.answer_policy import ReleaseMode

MAX_FREE_TOKENS = 160
_MARKER = re.compile(r"\s*\[\d{1,2}\]")
_OPEN_MARKER = re.compile(r"\s*\[\d{0,2}$")
# A sentence is over when the next one has begun: a marker may follow it, and "e.g." ends none. Some
# models forget the blank.
_END = re.compile(
    r"(?:[.!?…。؟][\"'”’)]*(?:\s*\[\d{1,2}\])*)(\s+)(?=[^\s\[a-z])|(\n)"
    r"|(?<=[^\W\d_]{2}[.!?])(?=[A-Z][a-z])"
)


@dataclass(frozen=True)
class Mending:
    """What stands in for sentences that were dropped."""

    parts: tuple[Part, ...]
    """The whole answer without the model's own facts."""
    quotes: tuple[str, ...]
    """Of the first passages, one each, best first."""
    lead_in: str
    """Before the quote, where the model's sentences stand too."""
    correction: str
    """Before the quote, behind a sentence that was read and cannot be confirmed."""


@dataclass(frozen=True)
class Free:
    """An answer that the model may write without a guide."""

    passages: tuple[Passage, ...]
    """What its facts must stand in; the first is marked [1]."""
    setting: Setting
    mending: Mending

    def release(self, mode: ReleaseMode) -> "FreeRelease":
        """Where its text goes through."""
        return FreeRelease(SupportCheck(self.passages, self.setting), self.mending, mode)


@dataclass(frozen=True)
class Cited:
    """A passage that the answer cites, by its place, with the words that are nearest."""

    passage: int
    quote: str


class FreeRelease:
    """The text of one answer; `cited` are the passages behind what was shown, in their order."""

    def __init__(
        self, check: SupportCheck, mending: Mending, mode: ReleaseMode = ReleaseMode.SENTENCE
    ) -> None:
        self._check = check
        self._mending = mending
        self._mode = mode
        self._gate = WordGate(check.check_start, mode)
        self._held = ""
        self._shown = ""
        self._break = " "
        self._num_kept = 0
        self._num_dropped = 0
        self._quotes: dict[int, str] = {}
        self.is_complete = False
        self.breaches: list[Breach] = []

    @property
    def cited(self) -> tuple[Cited, ...]:
        """Passages by their place in the prompt."""
        return tuple(Cited(at, self._quotes[at]) for at in sorted(self._quotes))

    def feed(self, text: str, _segment: int | None = None) -> list[str]:
        """What may be shown now; letter by letter, so that no cut can matter."""
        shown: list[str] = []
        for letter in text:
            if self.is_complete:
                break
            self._held += letter
            end = _END.search(self._held)
            if end is not None:
                blank = end[1] or end[2] or ""
                sentence = self._held[: end.end() - len(blank)]
                self._held = self._held[end.end() :]
                shown += self._sentence(sentence)
                self._break = "\n" if "\n" in blank else " "
            if self._mode is ReleaseMode.TOKEN:
                shown += self._say(self._gate.look(_without_markers(self._held)))
        return shown

    def finish(self) -> list[str]:
        """The rest, when the model says no more; afterwards the answer has a source."""
        shown: list[str] = []
        if not self.is_complete:
            last, self._held = self._held, ""
            shown += self._sentence(last)
        if self.is_complete:
            return shown
        self.is_complete = True
        if not self._quotes:
            return shown + self._say_copies()
        is_thin = self._num_dropped > self._num_kept and 0 not in self._quotes
        return shown + (self._say_quote(self._mending.lead_in) if is_thin else [])

    def _sentence(self, text: str) -> list[str]:
        """A whole one: shown with its marker, or dropped, or what was seen of it is corrected."""
        gate, self._gate = self._gate, WordGate(self._check.check_start, self._mode)
        sentence = " ".join(clean(_without_markers(text)).split())
        if not sentence:
            return []
        verdict = self._check.check(sentence)
        if isinstance(verdict, Supported):
            self._num_kept += len(sentence)
            return self._say(gate.rest(sentence)) + self._cite(verdict)
        self.breaches.append(verdict)
        self._num_dropped += len(sentence)
        if not gate.has_shown:
            return []
        self.is_complete = True
        return self._show(CUT) + self._say_quote(self._mending.correction)

    def _cite(self, verdict: Supported) -> list[str]:
        if verdict.passage is None:
            return []
        self._quotes.setdefault(verdict.passage, verdict.quote)
        return self._show(f" [{verdict.passage + 1}]")

    def _say_quote(self, lead_in: str) -> list[str]:
        quote = self._mending.quotes[0]
        self._quotes[0] = quote
        return self._say([*lead_in.split(), *quote.split(), "[1]"])

    def _say_copies(self) -> list[str]:
        """The plan's own answer, without its opening where the model has made one."""
        self._quotes = dict(enumerate(self._mending.quotes))
        parts = self._mending.parts
        if self._shown:
            parts = parts[1:]
        texts = [part.fallback if isinstance(part, Own) else part.text for part in parts]
        return self._say([word for text in texts for word in text.split()])

    def _say(self, words: Sequence[str]) -> list[str]:
        shown: list[str] = []
        for word in words:
            is_apart = self._shown and any(char.isalnum() for char in word)
            shown += self._show(f"{self._break}{word}" if is_apart or word == "-" else word)
            self._break = " "
        return shown

    def _show(self, text: str) -> list[str]:
        self._shown += text
        return [text]


def _without_markers(text: str) -> str:
    """Also without one that has just begun."""
    return _OPEN_MARKER.sub("", _MARKER.sub("", text))
