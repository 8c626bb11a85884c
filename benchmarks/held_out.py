"""Held-out dialogues up to where their last agent's turn begins."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer as Encoding

from inference.training.corpus import plain_conversation, read_dialogues
from inference.training.layout import render_answers

LONGEST = 768
DIALOGUE_FILES = "dialogues-*.jsonl.zst"


def dialogue_prompts(model: Path, data: Path, count: int) -> list[list[int]]:
    """At most `count` of them, from all over the data, as ids of the model's tokenizer."""
    return list(
        islice(_dialogues(Encoding.from_file(str(model / "tokenizer.json")), data, count), count)
    )


def _dialogues(encoding: Encoding, data: Path, count: int) -> Iterator[list[int]]:
    held_out = [one for one in read_dialogues(data, DIALOGUE_FILES) if one.split != "train"]
    for one in held_out[:: max(1, len(held_out) // (2 * count))]:
        text = render_answers(encoding, plain_conversation(one))
        starts = [at for at in range(1, len(text.ids)) if text.learned[at] > text.learned[at - 1]]
        if starts and starts[-1] <= LONGEST:
            yield list(text.ids[: starts[-1]])
