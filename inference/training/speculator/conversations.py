"""What the speculator learns from: conversations in the product's layout, and prompts cut of them.

Only the bot's words are learned: nothing else is ever drafted. Held out are dialogues ("free") and
questions with passages ("grounded") of the data's development and test parts.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from inference.training import phrases
from inference.training.corpus import DIALOGUE_FILES, plain_conversation, read_dialogues
from inference.training.evaluation import sample_pieces
from inference.training.layout import Role, system_turns
from inference.training.mixture import Piece, chat_pieces
from inference.training.prepare import HELD_OUT, TRAIN
from inference.training.speculator.layouts import BaseLayout

SEED: Final = 61
SYSTEM_SHARE: Final = 0.5
PROMPTS_PER_DIALOGUE: Final = 2
HELD_OUT_PER_SOURCE: Final = 8

# Copies of each dialogue, beside those of the chat stage: support talk before booking talk.
DIALOGUE_COPIES: Final = {
    "cucom-ecommerce": 0.8,
    "ms-contact-center": 1.0,
    "ms-client-advisor": 1.0,
    "tau-bench": 1.0,
    "star": 0.15,
    "multiwoz-2.1": 0.15,
    "taskmaster-3": 0.15,
    "taskmaster-4": 0.15,
    "sgd": 0.05,
}


@dataclass(frozen=True)
class Asked:
    """A prompt that ends in the marker of the answer, and where it comes from."""

    source: str
    ids: tuple[int, ...]


def training_pieces(data: Path, rng: Random) -> list[Piece]:
    """The chat stage's mixture and more of the dialogues, shuffled."""
    pieces = list(chat_pieces(data, TRAIN, rng))
    for piece in _dialogues(data, TRAIN, rng):
        if rng.random() < DIALOGUE_COPIES.get(piece.source, 0.0):
            pieces.append(piece)
    rng.shuffle(pieces)
    return pieces


def prompts(
    pieces: list[Piece], layout: BaseLayout, max_tokens: int, rng: Random
) -> Iterator[Asked]:
    """Prompts cut before some of each conversation's answers, those of at most `max_tokens`."""
    for piece in pieces:
        answers = [
            index
            for index, turn in enumerate(piece.conversation)
            if turn.role is Role.ASSISTANT and index > 0
        ]
        for index in rng.sample(answers, min(PROMPTS_PER_DIALOGUE, len(answers))):
            asked = _asked(piece, index, layout)
            if len(asked.ids) <= max_tokens:
                yield asked


def held_out_prompts(data: Path, layout: BaseLayout, max_tokens: int) -> dict[str, list[Asked]]:
    """The same choice every time, by group: "free" and "grounded"."""
    rng = Random(SEED)
    grounded = sample_pieces(chat_pieces(data, HELD_OUT, rng), HELD_OUT_PER_SOURCE, SEED, {})
    dialogues: dict[str, list[Piece]] = {}
    for piece in _dialogues(data, HELD_OUT, rng):
        dialogues.setdefault(piece.source, []).append(piece)
    free = [
        piece
        for source in sorted(dialogues)
        for piece in rng.sample(dialogues[source], min(HELD_OUT_PER_SOURCE, len(dialogues[source])))
    ]
    last_answers = [_asked(piece, len(piece.conversation) - 1, layout) for piece in grounded]
    return {
        "free": list(prompts(free, layout, max_tokens, rng)),
        "grounded": [asked for asked in last_answers if len(asked.ids) <= 2 * max_tokens],
    }


def save_asked(path: Path, asked: Iterable[Asked]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps([one.source, one.ids]) + "\n" for one in asked)


def load_asked(path: Path) -> Iterator[Asked]:
    with path.open() as file:
        for line in file:
            source, ids = json.loads(line)
            yield Asked(source, tuple(ids))


def _dialogues(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    for dialogue in read_dialogues(data, DIALOGUE_FILES):
        if dialogue.split in splits:
            conversation = plain_conversation(dialogue)
            if rng.random() < SYSTEM_SHARE:
                conversation = (*system_turns(phrases.company(rng)), *conversation)
            yield Piece(dialogue.source, conversation)


def _asked(piece: Piece, index: int, layout: BaseLayout) -> Asked:
    return Asked(piece.source, tuple(layout.prompt(piece.conversation[:index])))
