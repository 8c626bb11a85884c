"""The evaluation of a written model as files beside it: losses, answer quality, real samples."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Final

import torch
from tokenizers import Tokenizer

from inference.training.card import renew_file
from inference.training.copying import copied
from inference.training.errors import TokenizerMismatch
from inference.training.evaluation import (
    Answered,
    answers,
    held_out_losses,
    load_model,
    quality,
    write_report,
)
from inference.training.evaluation import sample_pieces as choose
from inference.training.mixture import LOOK_UP_SOURCE, SHOP_SOURCE, chat_pieces
from inference.training.prepare import HELD_OUT, STAGE_DATA, copy_probes, open_tokenizer
from inference.training.rows import open_rows_at

PROMPTS_PER_SOURCE: Final = 8
PROMPTS_OF: Final = {LOOK_UP_SOURCE: 40, SHOP_SOURCE: 40}
"""More of what nothing but copying and declining answers."""
SEED: Final = 7
CPU: Final = torch.device("cpu")


def evaluate(data: Path, out: Path, folder: Path, stride: int = 1) -> None:
    """Write evaluation.json and samples.json into the model's folder, and renew its card.

    Losses are of every `stride`-th held-out row.

    Raises:
        TokenizerMismatch: OUT's rows were packed with another tokenizer than the model's.
    """
    require_tokenizer(out, folder)
    model, tokenizer = load_model(folder), open_tokenizer(out)

    def logits_of(ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model(ids).logits
        return logits

    losses = {
        stage: held_out_losses(logits_of, open_rows_at(out / f"{stage}-held-out"), CPU, stride)
        for stage in STAGE_DATA
    }
    probes = copy_probes("chat", data, out)
    copying = {kind: copied(logits_of, batch, CPU) for kind, batch in probes.items()}
    pieces = choose(chat_pieces(data, HELD_OUT, Random(SEED)), PROMPTS_PER_SOURCE, SEED, PROMPTS_OF)
    answered = list(answers(model, tokenizer, pieces))
    groups: dict[str, list[Answered]] = {"all": answered}
    for each in answered:
        groups.setdefault(each.source, []).append(each)
    qualities = {source: quality(group) for source, group in groups.items()}
    write_report(folder / "evaluation.json", losses, qualities, copying)
    renew_file(folder, json.loads((folder / "evaluation.json").read_text()))
    # the data's own texts stay under their licences, so only made-up shops are shown
    samples = [asdict(each) for each in groups.get(SHOP_SOURCE, [])][:PROMPTS_PER_SOURCE]
    (folder / "samples.json").write_text(json.dumps(samples, indent=1) + "\n")


def require_tokenizer(out: Path, folder: Path) -> None:
    """Raises TokenizerMismatch when OUT's rows are not in the model's tokens."""
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if own.to_str() != open_tokenizer(out).to_str():
        raise TokenizerMismatch(
            f"{out} has another tokenizer than {folder}, so its rows say nothing about that model; "
            f"copy {folder}/tokenizer.json into an empty folder, run the prepare stage there and "
            "give it as --out"
        )
