"""Training the reader: first on the grounded dialogues, then on the written questions among them.

Batches follow from the seed and the step alone, so that a stopped run goes on as if it had not
been stopped.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

import torch

from inference.pairs import PairTokenizer
from inference.training.checkpoints import checkpoint_paths, save_whole
from inference.training.passages import Passage
from inference.training.reader.examples import Example, chosen_others
from inference.training.reader.model import Labeled, ReaderModel

STAGE: Final = "reader"
QUESTIONS_A_STEP: Final = 10
OTHERS: Final = 2
"""Paragraphs that do not answer, beside the one that does."""
ROWS_AT_ONCE: Final = 8
CHECKPOINT_EVERY: Final = 50
_BARE: Final = 0.85
"""How often headings that were made into questions are left out: they would say it all."""
_WITH_BEFORE: Final = 0.7
_EVEN: Final = 0.5
"""0 draws all examples alike, 1 all sources."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    num_steps: int
    first_steps: int
    """With the grounded dialogues alone."""
    written_share: float = 0.8
    """Of the questions after those."""
    rate: float = 1.2e-4
    warmup: int = 60
    seed: int = 11

    def rate_at(self, step: int) -> float:
        """Up in a line, then down in a line to a twentieth."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        left = 1 - (step - self.warmup) / max(1, self.num_steps - self.warmup)
        return self.rate * max(0.05, left)


class Shelf:
    """Examples to draw from; a source of many counts less for each than one of few."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = examples
        counts = Counter(one.source for one in examples)
        self.cum_weights = list(accumulate(counts[one.source] ** -_EVEN for one in examples))


@dataclass(frozen=True)
class Step:
    """What a step tells whoever watches."""

    number: int
    of: int
    loss: float
    seconds: float


@dataclass
class Trainer:
    """A model on its way; everything lies in `folder`."""

    model: ReaderModel
    tokenizer: PairTokenizer
    plan: Plan
    folder: Path
    num_steps: int = 0
    _optimizer: torch.optim.AdamW = field(init=False)

    def __post_init__(self) -> None:
        learning = [one for one in self.model.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(learning, lr=self.plan.rate, weight_decay=0.01)

    def resume(self) -> bool:
        """Go on from the last checkpoint, if there is one."""
        paths = checkpoint_paths(self.folder, STAGE)
        if not paths:
            return False
        content = torch.load(paths[-1], map_location="cpu", weights_only=True)
        self.model.load_state_dict(content["model"])
        self._optimizer.load_state_dict(content["optimizer"])
        self.num_steps = content["num_steps"]
        return True

    def run(
        self,
        grounded: Shelf,
        written: Shelf,
        watch: Callable[[Step], None],
        until: int | None = None,
    ) -> None:
        """To the end of the plan, or of `until` steps; an interrupt saves what there is."""
        self.model.train()
        end = min(until or self.plan.num_steps, self.plan.num_steps)
        try:
            while self.num_steps < end:
                watch(self._step(grounded, written))
                if self.num_steps % CHECKPOINT_EVERY == 0:
                    self._save()
        finally:
            self._save()

    def _save(self) -> None:
        content: dict[str, object] = {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "num_steps": self.num_steps,
        }
        save_whole(self.folder, STAGE, self.num_steps, content)

    def _step(self, grounded: Shelf, written: Shelf) -> Step:
        started = time.perf_counter()
        rng = Random(self.plan.seed * 1_000_003 + self.num_steps)
        torch.manual_seed(rng.getrandbits(32))
        is_first = self.num_steps < self.plan.first_steps
        share = 0.0 if is_first else self.plan.written_share
        chosen = [written if rng.random() < share else grounded for _ in range(QUESTIONS_A_STEP)]
        examples = [rng.choices(one.examples, cum_weights=one.cum_weights)[0] for one in chosen]
        labeled = [one for example in examples for one in labeled_of(example, self.tokenizer, rng)]
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.rate_at(self.num_steps)
        total = 0.0
        for rows in _by_length(labeled):
            loss = self.model.loss(rows) / len(labeled)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.num_steps += 1
        return Step(self.num_steps, self.plan.num_steps, total, time.perf_counter() - started)


def labeled_of(example: Example, tokenizer: PairTokenizer, rng: Random) -> list[Labeled]:
    """The pairs of a question: the paragraph that answers it first, if any does."""
    asked = _typed(example, rng)
    is_bare = example.is_constructed and rng.random() < _BARE
    found: list[Labeled] = []
    if example.answer is not None:
        shown, num_cut = _bare(example.answer) if is_bare else (example.answer, 0)
        right = frozenset(i - num_cut for i in example.right if i >= num_cut)
        pair = tokenizer.pair(asked, shown.title, shown.sentences)
        found.append(Labeled(pair, answers=True, right=right))
    for other in chosen_others(example, OTHERS + (example.answer is None), rng):
        shown = _bare(other)[0] if is_bare else other
        pair = tokenizer.pair(asked, shown.title, shown.sentences)
        found.append(Labeled(pair, answers=False, right=frozenset()))
    return found


def _typed(example: Example, rng: Random) -> str:
    """The question, mostly behind the one before it, now and then carelessly written."""
    asked = example.question
    if example.before and rng.random() < _WITH_BEFORE:
        asked = f"{example.before} {asked}"
    if rng.random() < 0.2:
        asked = asked.rstrip("?.! ")
    return asked


def _bare(passage: Passage) -> tuple[Passage, int]:
    """Without the heading or the question of a FAQ above it; and how many sentences that were."""
    title = passage.title.split(" - ")[0]
    num_cut = int(passage.sentences[0].endswith("?") and len(passage.sentences) > 1)
    return Passage(title, passage.sentences[num_cut:]), num_cut


def _by_length(labeled: Sequence[Labeled]) -> Iterator[list[Labeled]]:
    """Short rows with short ones, so that little is padded."""
    ordered = sorted(labeled, key=lambda one: len(one.pair.ids))
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        yield ordered[start : start + ROWS_AT_ONCE]
