"""From the engine's chunks to what a reader may see; pure.

Copies stream through as they come and are compared letter by letter with the plan. Own words are
held back until their segment ends, checked as a whole sentence, and then given out word by word; or
they follow the model by a few words (`ReleaseMode.TOKEN`), and a sentence that turns out to break a
rule is cut. Nothing has ever to be taken back, and no cut into chunks can change what is shown.
"""

from collections.abc import Sequence
from functools import partial

from app.answers.guards import Breach, clean, find_breach, find_early_breach, has_banned
from app.answers.parts import Own, Part
from app.answers.word_gate import CUT, WordGate
from app.workspace.answer_policy import ReleaseMode


class Deviation(Exception):
    """The engine said something else where it had to copy."""


class Release:
    """The text of one answer; `breaches` tells which own sentences were replaced, and why.

    The first `num_exact_parts` parts, `num_exact_chars` characters of what was shown, are what the
    engine said; what comes behind them it has not said like that.
    """

    def __init__(self, parts: Sequence[Part], mode: ReleaseMode = ReleaseMode.SENTENCE) -> None:
        self._parts = parts
        self._mode = mode
        self._gate: WordGate | None = None
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
            return shown + self._say(self._gate_of(part).look(self._said))
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
        gate, self._gate = self._gate_of(part), None
        sentence = " ".join(clean(text).split())
        breach = find_breach(sentence, part.setting)
        self._is_exact &= breach is None and sentence == " ".join(text.split())
        if breach is None:
            return self._say(gate.rest(sentence))
        self.breaches.append(breach)
        cut = self._show(CUT) if gate.has_shown else []
        is_banned = has_banned(part.fallback, part.setting.never_say)
        return cut + self._say([] if is_banned else part.fallback.split())

    def _gate_of(self, part: Own) -> WordGate:
        if self._gate is None:
            finds = partial(find_early_breach, setting=part.setting)
            self._gate = WordGate(finds, self._mode)
        return self._gate

    def _say(self, words: Sequence[str]) -> list[str]:
        """Each word with the blank that parts it from what stands before."""
        shown: list[str] = []
        for word in words:
            is_apart = self._shown and not self._shown.endswith((" ", "\n"))
            shown += self._show(f" {word}" if is_apart else word)
        return shown

    def _show(self, text: str) -> list[str]:
        text = text if self._shown else text.lstrip(" ")
        self._shown += text
        return [text] if text else []
