"""One run from a base model to trained heads: everything lies in the run's folder and is resumed.

`truth-*` and `own-*`: rows, checkpoints and histories of the two phases; `own`, `free`, `grounded`
(`.jsonl`, `.json`, `.bin`): what the base wrote, for training and held out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from inference.training.rows import Rows, open_rows_at, write_rows
from inference.training.screen import watching
from inference.training.speculator import recipe
from inference.training.speculator.base_model import BaseModel
from inference.training.speculator.checkpoints import last_heads
from inference.training.speculator.conversations import (
    held_out_prompts,
    load_asked,
    prompts,
    save_asked,
    training_pieces,
)
from inference.training.speculator.heads import Heads, HeadShape, MedusaHeads, MlpHeads, build_heads
from inference.training.speculator.loss import Sampler
from inference.training.speculator.own_text import GREEDY, Writer, write_on
from inference.training.speculator.trainer import HeadTrainer
from inference.training.speculator.windows import (
    LiveWindows,
    StoredWindows,
    TextStore,
    Windows,
    joined,
)

INIT_SEED: Final = 5
ORDER_SEED: Final = 2026
HELD_OUT_WINDOWS: Final = 1024
GROUPS: Final = ("free", "grounded")


@dataclass(frozen=True)
class RunPlan:
    """What is asked of a run; `num_candidates` 0 takes the loss over the whole vocabulary."""

    data: Path
    run: Path
    shape: HeadShape
    budget: recipe.Budget
    num_candidates: int


class SpeculatorRun:
    """The steps of a run in order; each does nothing where its result is there already."""

    def __init__(
        self, plan: RunPlan, base: BaseModel, console: Console, stopped: Callable[[], bool]
    ) -> None:
        self.plan, self.base, self.console, self.stopped = plan, base, console, stopped
        plan.run.mkdir(parents=True, exist_ok=True)

    def train(self) -> Heads:
        """Both phases, or as far as one gets before being stopped."""
        self.prepare()
        self.write_held_out()
        held_out = self._held_out_sample()
        torch.manual_seed(INIT_SEED)
        heads = new_heads(self.plan.shape, self.base)
        rows = open_rows_at(self._at("truth-rows"))
        live = LiveWindows(self.base, rows, recipe.TRUTH_BATCH_ROWS, self.plan.shape.num_heads)
        self._phase(recipe.TRUTH, heads, held_out, lambda: live)
        if not self.stopped():
            self.write_own()
            self._phase(recipe.OWN, heads, held_out, self._own_windows)
        return heads

    def trained(self) -> Heads | None:
        """The heads of the last checkpoint, None before the first."""
        for phase in (recipe.OWN, recipe.TRUTH):
            found = last_heads(self.plan.run, phase.name, self.plan.shape)
            if found is not None:
                heads = build_heads(self.plan.shape)
                heads.load_state_dict(found.heads)
                return heads.to(self.base.device)
        return None

    def num_tokens(self, phase: recipe.PhaseName) -> int:
        """How many windows a phase has trained on."""
        found = last_heads(self.plan.run, phase, self.plan.shape)
        return found.num_tokens if found else 0

    def held_out_texts(self) -> dict[str, list[Windows]]:
        """The windows of the base's held-out answers, by group and text."""
        return {group: self.store(group).texts(self.base.device) for group in GROUPS}

    def prepare(self) -> None:
        """The rows of the first phase and the prompts of the second."""
        if self._at("truth-rows").with_suffix(".json").exists():
            return
        self.console.print("reading the conversations")
        rng, layout = Random(ORDER_SEED), self.base.layout
        pieces = training_pieces(self.plan.data, rng)
        save_asked(
            self._at("prompts.jsonl"), prompts(pieces, layout, recipe.MAX_PROMPT_TOKENS, rng)
        )
        shown = track(pieces, "laying them out", console=self.console)
        examples = (one for piece in shown for one in layout.examples(piece.conversation))
        write_rows(
            self._at("truth-rows"),
            [("all", examples)],
            recipe.TRUTH_ROW_LEN,
            self.base.vocab_size,
        )

    def write_held_out(self) -> None:
        """The base's own greedy answers to held-out prompts: what drafts are measured on."""
        if all(self.store(group).num_texts for group in GROUPS):
            return
        asked = held_out_prompts(self.plan.data, self.base.layout, recipe.MAX_PROMPT_TOKENS)
        writer = self._writer(2 * recipe.MAX_PROMPT_TOKENS)
        for group in GROUPS:
            write_on(writer, iter(asked[group]), self.store(group), lambda _: False, (GREEDY,))
        writer.close()

    def write_own(self) -> None:
        """The text of the second phase, until its share of the budget is used up."""
        store, budget = self.store("own"), self.plan.budget
        enough = budget.part(recipe.OWN.share).tokens // recipe.OWN_EPOCHS
        started, clock = time.monotonic(), self._at("own-minutes")
        before_s = float(clock.read_text()) if clock.exists() else 0.0

        def is_enough(num_windows: int) -> bool:
            spent_s = before_s + time.monotonic() - started
            clock.write_text(f"{spent_s}\n")
            self.console.print(f"own text: {num_windows:,} windows", highlight=False)
            if budget.minutes is None:
                return num_windows >= enough or self.stopped()
            return spent_s >= 60 * budget.minutes * recipe.WRITING_SHARE or self.stopped()

        if is_enough(store.num_windows):
            return
        writer = self._writer(recipe.MAX_PROMPT_TOKENS)
        write_on(writer, load_asked(self._at("prompts.jsonl")), store, is_enough)
        writer.close()

    def store(self, name: str) -> TextStore:
        """What the base wrote: "own", or a group of held-out answers."""
        return TextStore(self._at(name), self.base.hidden_size, self.plan.shape.num_heads)

    def _phase(
        self,
        phase: recipe.Phase,
        heads: Heads,
        held_out: Windows,
        source: Callable[[], LiveWindows | StoredWindows],
    ) -> None:
        budget = self.plan.budget.part(phase.share)
        trainer = HeadTrainer(heads, phase, budget, self.plan.run, self._sampler())
        if trainer.resume():
            self.console.print(f"{phase.name}: going on after step {trainer.num_steps}")
        if trainer.is_done:
            return
        with watching(self.console, phase.name) as watch:
            trainer.train(source(), held_out, watch, self.stopped)

    def _own_windows(self) -> StoredWindows:
        return self.store("own").windows(recipe.OWN_BATCH, self.base.device)

    def _held_out_sample(self) -> Windows:
        windows = joined([text for texts in self.held_out_texts().values() for text in texts])
        picked = torch.linspace(0, len(windows) - 1, min(HELD_OUT_WINDOWS, len(windows))).long()
        picked = picked.to(windows.states.device)
        return Windows(windows.states[picked], windows.token_ids[picked], windows.is_target[picked])

    def _sampler(self) -> Sampler | None:
        if not self.plan.num_candidates:
            return None
        num_frequent = self.plan.num_candidates // 2
        frequent = torch.tensor(self.frequent_tokens(num_frequent))
        return Sampler(frequent, self.base.vocab_size, self.plan.num_candidates - num_frequent)

    def frequent_tokens(self, count: int) -> list[int]:
        """The tokens that the data's agents use most, the most frequent first."""
        counts = _learned_counts(open_rows_at(self._at("truth-rows")), self.base.vocab_size)
        order: list[int] = np.argsort(-counts, kind="stable")[:count].tolist()
        return order

    def _writer(self, max_prompt: int) -> Writer:
        return Writer(self.base.folder, self.base.device.type, max_prompt, recipe.MAX_ANSWER_TOKENS)

    def _at(self, name: str) -> Path:
        return self.plan.run / name


def new_heads(shape: HeadShape, base: BaseModel) -> Heads:
    """Untrained heads that begin with what the base knows of the vocabulary."""
    heads = build_heads(shape)
    if isinstance(heads, MlpHeads):
        heads.learn_from(base.embedding_weight.cpu(), base.head_weight.cpu())
    elif isinstance(heads, MedusaHeads):
        heads.learn_from(base.head_weight.cpu())
    return heads.to(base.device)


def _learned_counts(rows: Rows, vocab_size: int) -> np.typing.NDArray[np.int64]:
    counts = np.zeros(vocab_size, dtype=np.int64)
    for ids, learned in zip(rows.ids, rows.learned, strict=True):
        counts += np.bincount(ids[learned > 0], minlength=vocab_size)
    return counts
