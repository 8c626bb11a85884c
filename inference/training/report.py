"""The evaluation of a written model as files beside it: losses, answer quality, real samples."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Final

from inference.training.evaluation import (
    Answered,
    answers,
    held_out_losses,
    load_model,
    quality,
    write_report,
)
from inference.training.evaluation import sample_pieces as choose
from inference.training.mixture import SHOP_SOURCE, chat_pieces
from inference.training.prepare import HELD_OUT, STAGE_DATA, open_tokenizer
from inference.training.rows import open_rows_at

PROMPTS_PER_SOURCE: Final = 8
SEED: Final = 7


def evaluate(data: Path, out: Path, folder: Path) -> None:
    """Write evaluation.json and samples.json into the model's folder."""
    model, tokenizer = load_model(folder), open_tokenizer(out)
    losses = {
        stage: held_out_losses(model, open_rows_at(out / f"{stage}-held-out"))
        for stage in STAGE_DATA
    }
    pieces = choose(chat_pieces(data, HELD_OUT, Random(SEED)), PROMPTS_PER_SOURCE, SEED)
    answered = list(answers(model, tokenizer, pieces))
    groups: dict[str, list[Answered]] = {"all": answered}
    for each in answered:
        groups.setdefault(each.source, []).append(each)
    qualities = {source: quality(group) for source, group in groups.items()}
    write_report(folder / "evaluation.json", losses, qualities)
    # the data's own texts stay under their licences, so only made-up shops are shown
    samples = [asdict(each) for each in groups.get(SHOP_SOURCE, [])]
    (folder / "samples.json").write_text(json.dumps(samples, indent=1) + "\n")
