"""A draft model: a Llama of a tenth of the base's size, taught by the same two phases.

It learns from the same rows and the same texts of the base as the heads do, with the trainer of the
base itself, and is written as an ordinary model's folder.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer

from inference.training.export import export
from inference.training.layout import Example
from inference.training.model import SIZES, CareModel, ModelShape
from inference.training.recipe import Amount
from inference.training.rows import open_rows_at, write_rows
from inference.training.screen import watching
from inference.training.speculator.measure import Gained, Places, walk
from inference.training.speculator.run import GROUPS, SpeculatorRun
from inference.training.trainer import Plan, Trainer

DEPTH: Final = 4
ROW_LEN: Final = 512
PHASES: Final = (
    (Plan("draft-truth", batch_rows=4, peak_rate=4e-3, final_share=0.3), 0.4),
    (Plan("draft-own", batch_rows=8, peak_rate=2e-3, final_share=0.02), 0.35),
)
"""Each with its share of the run; the rest is for the base to write."""


def draft_shape(vocab_size: int) -> ModelShape:
    """Three narrow layers: two thirds of the parameters are the embedding."""
    return replace(SIZES["draft"], vocab_size=vocab_size)


def train_draft(doing: SpeculatorRun, compiled: bool) -> CareModel:
    """Both phases, or as far as one gets before being stopped."""
    vocab_size = doing.base.vocab_size
    doing.prepare()
    doing.write_held_out()
    held_out = [example for group in GROUPS for example in doing.store(group).examples()]
    write_rows(doing.plan.run / "draft-held-out", [("all", held_out)], ROW_LEN, vocab_size)
    torch.manual_seed(5)
    model = CareModel(draft_shape(vocab_size))
    for plan, share in PHASES:
        rows = "truth-rows"
        if plan.stage == "draft-own":
            doing.write_own()
            rows = "draft-rows"
            texts = doing.store("own").examples()
            write_rows(doing.plan.run / rows, [("all", texts)], ROW_LEN, vocab_size)
        if not _train(model, replace(plan, compiled=compiled), share, doing, rows):
            break
    return model


def publish_draft(model: CareModel, doing: SpeculatorRun, folder: Path) -> dict[str, Gained]:
    """An ordinary folder of transformers, with the base's tokenizer; what it gains by group."""
    tokenizer = Tokenizer.from_file(str(doing.base.folder / "tokenizer.json"))
    export(model.shape, model.state_dict(), tokenizer, folder)
    return {group: gained_by(model, list(doing.store(group).examples())) for group in GROUPS}


@torch.no_grad()
def gained_by(model: CareModel, examples: Sequence[Example]) -> Gained:
    """What chains of greedy guesses gain on texts of the base.

    A guess is accepted only where all before it were right, so where it counts the draft model has
    seen the text itself: one pass over the text has all its guesses.
    """
    hits = [_hits(model, example) for example in examples]
    hits = [one for one in hits if one]

    def lengths_at(places: Places) -> list[int]:
        return [_run_of_hits(hits[text][place : place + DEPTH]) for text, place in places]

    return walk([len(one) for one in hits], DEPTH, lengths_at)


def _hits(model: CareModel, example: Example) -> list[bool]:
    """Of each of the answer's tokens but the first whether it would have been guessed."""
    device = model.embedding.weight.device
    ids = torch.tensor([example.ids], device=device)
    first = example.learned.index(True)
    states = model(ids)[:, first:-1]
    guesses = model.logits(states)[0].argmax(-1)
    hits: list[bool] = (guesses == ids[0, first + 1 :]).tolist()
    return hits


def _run_of_hits(hits: Sequence[bool]) -> int:
    return next((place for place, hit in enumerate(hits) if not hit), len(hits))


def _train(model: CareModel, plan: Plan, share: float, doing: SpeculatorRun, rows: str) -> bool:
    """One phase; whether it came to its end."""
    run, console, budget = doing.plan.run, doing.console, doing.plan.budget
    taught, held_out = open_rows_at(run / rows), open_rows_at(run / "draft-held-out")
    trainer = Trainer(model, plan, run, doing.base.device)
    if trainer.resume():
        console.print(f"{plan.stage}: going on after step {trainer.num_steps}")
    amount = Amount(budget.tokens, budget.minutes)
    num_tokens = amount.planned(plan.stage, share, run, lambda: trainer.speed(taught))
    with watching(console, plan.stage) as watch:
        return trainer.run(taught, held_out, plan.schedule(num_tokens), watch)
