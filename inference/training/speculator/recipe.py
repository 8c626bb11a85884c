"""The numbers of a run: how much of it each phase gets, at what rates.

After fms-fsdp (`scripts/train_speculator.sh`, 15,000 and 6,000 steps at a peak of 1e-3), scaled to
a budget of minutes: rates are higher, and the second phase gets the larger share, since a small
base writes as fast as the heads learn.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

PhaseName = Literal["truth", "own"]


@dataclass(frozen=True)
class Phase:
    """One of the two training phases; `share` is of the run's tokens or minutes."""

    name: PhaseName
    share: float
    peak_rate: float
    final_share: float
    warmup_share: float = 0.05

    def rate(self, done: float) -> float:
        """The learning rate after a part of the phase: parabolic warm-up, then a cosine."""
        if done < self.warmup_share:
            return self.peak_rate * (1 - (1 - done / self.warmup_share) ** 2)
        progress = min(1.0, (done - self.warmup_share) / (1 - self.warmup_share))
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return self.peak_rate * (self.final_share + (1 - self.final_share) * cosine)


@dataclass(frozen=True)
class Budget:
    """How long to train, all phases together: so many windows, or so many minutes.

    Minutes are a promise to end in time; the number of windows then depends on the machine.
    """

    tokens: int
    minutes: float | None = None

    def part(self, share: float) -> "Budget":
        minutes = None if self.minutes is None else share * self.minutes
        return Budget(max(1, int(share * self.tokens)), minutes)

    def done(self, num_tokens: int, elapsed_s: float) -> float:
        """Which part of the budget is used up; 1 and above is the end."""
        if self.minutes is None:
            return num_tokens / self.tokens
        return elapsed_s / (60 * self.minutes)


TRUTH: Final = Phase("truth", share=0.35, peak_rate=3e-3, final_share=0.3)
OWN: Final = Phase("own", share=0.4, peak_rate=3e-3, final_share=0.02)
WRITING_SHARE: Final = 0.25
"""Of the minutes, for the base to write."""
OWN_EPOCHS: Final = 4
"""How often the base's text is learned from where a number of tokens is given."""

DRAFT_VOCABULARY_SHARE: Final = 4
"""An MLP's heads guess among one in so many tokens of the vocabulary, the most frequent ones."""

TRUTH_ROW_LEN: Final = 1024
TRUTH_BATCH_ROWS: Final = 4
OWN_BATCH: Final = 1024
MAX_PROMPT_TOKENS: Final = 320
MAX_ANSWER_TOKENS: Final = 96
