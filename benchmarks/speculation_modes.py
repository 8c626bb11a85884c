"""One engine that drafts in one way after another.

Two engines with the same weights are up to a sixth apart in speed, by where their memory happens to
lie. So every mode here shares the runner, the cache and the scheduler of one engine, and has its
own speculators, their budget and what it has learned.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference import Document, Engine, EngineConfig
from inference.config import SUFFIX
from inference.speculation.budget import EveryNode, MeasuredBudget
from inference.speculation.drafting import Drafting
from inference.speculation.loading import load_speculators

OFF = "off"


class Modes:
    """The ways to draft by name; in the one called `OFF` nothing is drafted."""

    def __init__(
        self,
        config: EngineConfig,
        modes: Mapping[str, Sequence[str]],
        documents: Sequence[Document],
        salt: bytes,
    ) -> None:
        """Load everything, and let the workspace learn its documents."""
        self._config = config
        self._shared = _SharedCosts()
        self.engine = Engine(config, budget=self._shared)
        self.engine.finish_compiling()
        self.engine.learn(documents, salt=salt)
        self._drafting = {name: self._new(speculators) for name, speculators in modes.items()}
        self._always = {
            name: self._new(speculators, is_always=True) for name, speculators in modes.items()
        }

    def switch(self, mode: str, *, is_always: bool = False) -> Engine:
        """The engine, which drafts so from now on; nothing may be running.

        `is_always`: whatever it costs, so that what drafts are worth is seen of every step.
        """
        assert not self.engine.has_work, "what is running drafts in another way"
        self.engine._loop.drafting = (self._always if is_always else self._drafting)[mode]
        # What a guide leaves no choice about is drafted without a speculator, too.
        room = 0 if mode == OFF else self._config.max_draft_tokens
        self.engine._scheduler._config = replace(self._config, max_draft_tokens=room)
        return self.engine

    def stats(self, mode: str) -> dict[str, int | float]:
        """What this mode has drafted where it always drafts, and what was accepted."""
        return self._always[mode].record.stats()

    def _new(self, speculators: Sequence[str], *, is_always: bool = False) -> Drafting:
        engine = self.engine
        facts, corpora = engine._runner.facts, engine._corpora
        loaded = load_speculators(speculators, facts, corpora)
        names = [one.name for one in loaded]
        if is_always:
            return Drafting(loaded, EveryNode(names), facts.vocab_size)
        budget = MeasuredBudget(names)
        self._shared.add(budget)
        return Drafting(loaded, budget, facts.vocab_size)


class _SharedCosts(MeasuredBudget):
    """Hands what the engine measures of its steps on to the budgets of all modes."""

    def __init__(self) -> None:
        super().__init__([SUFFIX])
        self._measured: Mapping[int, float] = {}
        self._others: list[MeasuredBudget] = []

    def start(self, measured: Mapping[int, float]) -> None:
        """Called by the engine at its start, and when other kernels take over."""
        super().start(measured)
        self._measured = measured
        for one in self._others:
            one.start(measured)

    def add(self, budget: MeasuredBudget) -> None:
        """One more, which takes what was measured last; where nobody drafts it wants nothing."""
        if not budget.is_of_use:
            return
        self._others.append(budget)
        if self._measured:
            budget.start(self._measured)


def as_chain(speculator: Path) -> Path:
    """The same MLP speculator in a folder that asks for one candidate of the likeliest tokens."""
    config: dict[str, Any] = json.loads((speculator / "config.json").read_text(encoding="utf-8"))
    config["top_k_tokens_per_head"] = [1] * len(config["top_k_tokens_per_head"])
    config["n_candidates"] = 1
    folder = Path(tempfile.mkdtemp(prefix="mlp-chain-"))
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for path in speculator.iterdir():
        if path.name != "config.json":
            (folder / path.name).symlink_to(path.resolve())
    return folder
