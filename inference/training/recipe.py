"""The numbers of a run: which stage gets how much of it, at what rates."""

from dataclasses import dataclass
from typing import Final

from inference.training.optimizer import Schedule


@dataclass(frozen=True)
class StageRecipe:
    """A stage's share of all tokens and its optimisation."""

    token_share: float
    batch_rows: int
    peak_rate: float
    final_share: float
    warmup_share: float

    def schedule(self, num_tokens: int) -> Schedule:
        warmup_tokens = int(num_tokens * self.warmup_share)
        return Schedule(self.peak_rate, self.final_share, warmup_tokens, num_tokens)


STAGES: Final = {
    "base": StageRecipe(0.7, batch_rows=16, peak_rate=4e-3, final_share=0.15, warmup_share=0.04),
    "chat": StageRecipe(0.3, batch_rows=8, peak_rate=1.5e-3, final_share=0.02, warmup_share=0.04),
}
