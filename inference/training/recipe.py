"""The numbers of a run: which stage gets how much of it, at what rates."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.training.trainer import Plan


@dataclass(frozen=True)
class StageRecipe:
    """A stage's share of all tokens and its optimisation; rates as in optimizer.Schedule."""

    token_share: float
    batch_rows: int
    peak_rate: float
    final_share: float
    warmup_share: float
    quote_weight: float

    def plan(self, stage: str) -> Plan:
        return Plan(
            stage=stage,
            batch_rows=self.batch_rows,
            peak_rate=self.peak_rate,
            final_share=self.final_share,
            warmup_share=self.warmup_share,
            quote_weight=self.quote_weight,
        )


@dataclass(frozen=True)
class Amount:
    """How long to train, all stages together."""

    tokens: int
    minutes: float | None
    patience: int | None = None
    """As in `Plan`."""

    def planned(
        self, stage: str, share: float, out: Path, measure_tokens_per_s: Callable[[], float]
    ) -> int:
        """The stage's share of the tokens; minutes become tokens at the measured speed.

        That number is kept in OUT, so that a run taken up again follows the same cosine.
        """
        if self.minutes is None:
            return int(share * self.tokens)
        path = out / f"{stage}-plan.json"
        if not path.exists():
            tokens = int(share * self.minutes * 60 * measure_tokens_per_s())
            path.write_text(json.dumps({"minutes": self.minutes, "tokens": tokens}) + "\n")
        return int(json.loads(path.read_text())["tokens"])


STAGES: Final = {
    "base": StageRecipe(
        0.7, batch_rows=8, peak_rate=3e-3, final_share=0.15, warmup_share=0.02, quote_weight=4.0
    ),
    "chat": StageRecipe(
        0.3, batch_rows=4, peak_rate=1e-3, final_share=0.02, warmup_share=0.02, quote_weight=2.0
    ),
}
