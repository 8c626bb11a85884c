"""One step as data: who gets which rows, what was drafted, what came of it."""

from dataclasses import dataclass, field

from inference.request import TokenLogprob
from inference.sequence import Sequence


@dataclass
class Part:
    """One request's share of a step: `num_known` known tokens from `start`, then drafted ones.

    Only a part that reaches the end of the known tokens `samples`; only such a part can draft.
    """

    sequence: Sequence
    start: int
    num_known: int
    draft_room: int
    draft_ids: tuple[int, ...] = ()

    @property
    def samples(self) -> bool:
        """Whether this step gives the request new tokens."""
        is_at_end = self.start + self.num_known == len(self.sequence.token_ids)
        return is_at_end and self.sequence.max_output > 0

    @property
    def num_rows(self) -> int:
        """Token rows of this part."""
        return self.num_known + len(self.draft_ids)

    @property
    def num_sampled(self) -> int:
        """Rows whose logits are asked for: the last known token and every drafted one."""
        return 1 + len(self.draft_ids) if self.samples else 0


@dataclass
class Batch:
    """The parts of one step, oldest request first."""

    parts: list[Part] = field(default_factory=list)

    @property
    def num_rows(self) -> int:
        """Token rows of the step."""
        return sum(part.num_rows for part in self.parts)


@dataclass(frozen=True)
class Verdict:
    """What a step decided for one part: accepted drafts, then one token of the target's own."""

    token_ids: tuple[int, ...]
    num_accepted: int
    logprobs: tuple[TokenLogprob, ...] = ()
