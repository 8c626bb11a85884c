"""What speculation has done so far, for metrics: by speculator and depth, and as a whole."""

from collections import Counter, defaultdict

from inference.batch import Kept
from inference.speculation.acceptance import NUM_DEPTHS


class Record:
    """Counters since the start."""

    def __init__(self) -> None:
        self._drafted: Counter[tuple[str, int]] = Counter()
        self._accepted: Counter[tuple[str, int]] = Counter()
        self._num_drafts: Counter[str] = Counter()
        self._draft_s: defaultdict[str, float] = defaultdict(float)
        self._num_turns = 0
        self._num_tokens = 0

    def note_draft(self, name: str, seconds: float) -> None:
        """A speculator has drafted for the requests of one step."""
        self._draft_s[name] += seconds

    def note(self, kept: Kept) -> None:
        """One request's share of a step is done."""
        if not kept.num_tokens:
            return
        self._num_turns += kept.part.num_rounds
        self._num_tokens += kept.num_tokens
        tree = kept.part.tree
        if tree.drafted_by:
            self._drafted.update(zip(tree.drafted_by, tree.depths, strict=True))
            self._accepted.update((tree.drafted_by[node], tree.depths[node]) for node in kept.path)
            drafters = {name for names in set(tree.drafted_by) for name in names.split("+")}
            self._num_drafts.update(drafters)

    def stats(self) -> dict[str, int | float]:
        """The counters by flat names; a node of several drafters counts for each of them."""
        stats: dict[str, int | float] = {
            "tokens_per_step": self._num_tokens / self._num_turns if self._num_turns else 0.0
        }
        for name, number in self._num_drafts.items():
            stats[f"spec.{name}.drafts"] = number
        for name, seconds in self._draft_s.items():
            stats[f"spec.{name}.draft_s"] = seconds
        for (names, depth), number in self._drafted.items():
            for name in names.split("+"):
                key = f"spec.{name}.depth{min(depth, NUM_DEPTHS)}"
                stats[f"{key}.drafted"] = stats.get(f"{key}.drafted", 0) + number
                accepted = stats.get(f"{key}.accepted", 0) + self._accepted[names, depth]
                stats[f"{key}.accepted"] = accepted
        return stats
