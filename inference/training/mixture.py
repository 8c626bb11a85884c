"""What each stage is fed: the sources, how often each is repeated, and how it is rendered.

Real support talk outweighs booking talk, which the data has far more of. Texts of the data lie on
disk as packed rows; what generators make (`makers.py`) is made when a step needs it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tokenizers import Tokenizer

from inference.training import phrases
from inference.training.corpus import (
    DIALOGUE_FILES,
    article_conversation,
    plain_conversation,
    read_articles,
    read_dialogues,
)
from inference.training.layout import (
    Conversation,
    Example,
    render_answers,
    render_everything,
    system_turns,
)
from inference.training.lookups import look_ups
from inference.training.makers import Makers
from inference.training.small_talk import small_talk

SEED: Final = 2026

# Copies of each dialogue in the base stage, 1 where nothing is said; a fraction takes that share of
# them at random. Held-out dialogues stand once: a copy in the same row would be copied from.
BASE_COPIES: Final = {
    "cucom-ecommerce": 1.3,
    "ms-contact-center": 3.0,
    "ms-client-advisor": 3.0,
    "tau-bench": 3.0,
    "abcd-sample": 3.0,
    "star": 0.5,
    "multiwoz-2.1": 1.0,
    "taskmaster-3": 1.0,
    "taskmaster-4": 1.0,
    "sgd": 0.3,
}
BASE_SYSTEM_SHARE: Final = 0.3
BASE_PASSAGE_WORDS: Final = 200

# Copies in the chat stage: ordinary service talk, learned on the agent's side only.
CHAT_COPIES: Final = {
    "cucom-ecommerce": 0.2,
    "ms-contact-center": 0.5,
    "ms-client-advisor": 0.5,
    "tau-bench": 0.5,
    "abcd-sample": 1.0,
}
CHAT_GROUNDED_COPIES: Final = 0.6
CHAT_PASSAGE_WORDS: Final = 220
NUM_SHOP_CONVERSATIONS: Final = 12_000
NUM_SMALL_TALKS: Final = 9_000
NUM_LOOK_UPS: Final = 3_000
NUM_TASKS: Final = 6_000
NUM_HELD_OUT: Final = 300
SHOP_SOURCE: Final = "shop-topics"
SMALL_TALK_SOURCE: Final = "small-talk"
DRILL_SOURCE: Final = "drills"
LOOK_UP_SOURCE: Final = "look-ups"
TASK_SOURCE: Final = "tasks"

Render = Callable[[Tokenizer, Conversation], Example]


@dataclass(frozen=True)
class Piece:
    """One conversation of a stage, with the source whose held-out loss it counts for."""

    source: str
    conversation: Conversation


def base_texts(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    """Dialogues and, for training, articles; not yet shuffled."""
    is_training = "train" in splits
    for dialogue in read_dialogues(data, DIALOGUE_FILES):
        if dialogue.split not in splits:
            continue
        weight = BASE_COPIES.get(dialogue.source, 1.0)
        for _ in range(_copies(weight, rng) if is_training else 1):
            conversation = plain_conversation(dialogue)
            if rng.random() < BASE_SYSTEM_SHARE:
                conversation = (*system_turns(phrases.company(rng)), *conversation)
            yield Piece(dialogue.source, conversation)
    if is_training:
        for article in read_articles(data):
            yield Piece(article.source, article_conversation(article))


def chat_texts(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    """Some service talk, without the system turns: the bot is not to play a call centre."""
    is_training = "train" in splits
    for dialogue in read_dialogues(data, DIALOGUE_FILES):
        if dialogue.split in splits and dialogue.source in CHAT_COPIES:
            for _ in range(_copies(CHAT_COPIES[dialogue.source], rng) if is_training else 1):
                yield Piece(dialogue.source, plain_conversation(dialogue))


def base_held_out(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    """The texts, prompts with quoted answers, and finding drills."""
    yield from base_texts(data, splits, rng)
    makers = Makers.read(data, splits, BASE_PASSAGE_WORDS)
    yield from _grounded(makers, 1.0, rng)
    for _ in range(NUM_HELD_OUT):
        conversation = makers.drilled(rng)
        if conversation is not None:
            yield Piece(DRILL_SOURCE, conversation)
        yield Piece(LOOK_UP_SOURCE, look_ups(rng))


def chat_pieces(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    """The product's own prompts, from the data and made up, and some service talk."""
    yield from chat_texts(data, splits, rng)
    makers = Makers.read(data, splits, CHAT_PASSAGE_WORDS)
    is_training = "train" in splits
    yield from _grounded(makers, CHAT_GROUNDED_COPIES, rng)
    for source, make, number in (
        (SHOP_SOURCE, makers.shop, NUM_SHOP_CONVERSATIONS),
        (TASK_SOURCE, makers.task, NUM_TASKS),
        (LOOK_UP_SOURCE, look_ups, NUM_LOOK_UPS),
    ):
        for _ in range(number if is_training else NUM_HELD_OUT):
            yield Piece(source, make(rng))
    if is_training:
        for _ in range(NUM_SMALL_TALKS):
            yield Piece(SMALL_TALK_SOURCE, small_talk(rng))


def _grounded(makers: Makers, copies: float, rng: Random) -> Iterator[Piece]:
    """Each copy has other company, distractors and phrases."""
    for question in makers.questions:
        for _ in range(_copies(copies, rng)):
            yield Piece(question.source, makers.grounded_maker.conversation(question, rng))


def rendered(pieces: Iterable[Piece], tokenizer: Tokenizer, render: Render) -> Iterator[Example]:
    for piece in pieces:
        yield render(tokenizer, piece.conversation)


def by_source(
    pieces: Iterable[Piece], tokenizer: Tokenizer, render: Render, max_tokens: int
) -> dict[str, list[Example]]:
    """Examples of each source, up to about `max_tokens` of each."""
    groups: dict[str, list[Example]] = {}
    sizes: dict[str, int] = {}
    for piece in pieces:
        if sizes.get(piece.source, 0) < max_tokens:
            example = render(tokenizer, piece.conversation)
            groups.setdefault(piece.source, []).append(example)
            sizes[piece.source] = sizes.get(piece.source, 0) + len(example.ids)
    return groups


RENDERERS: Final[dict[str, Render]] = {"base": render_everything, "chat": render_answers}


def _copies(weight: float, rng: Random) -> int:
    whole = int(weight)
    return whole + (rng.random() < weight - whole)
