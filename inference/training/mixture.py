"""What each stage is fed: the sources, how often each is repeated, and how it is rendered.

Real support talk outweighs booking talk, which the data has far more of.
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
    GROUNDED_FILES,
    article_conversation,
    plain_conversation,
    read_articles,
    read_dialogues,
)
from inference.training.drills import drill
from inference.training.grounded import GroundedMaker, questions_of
from inference.training.layout import (
    Conversation,
    Example,
    render_answers,
    render_everything,
    system_turn,
)
from inference.training.passages import split_context
from inference.training.shop_facts import read_topics, shop_conversation
from inference.training.small_talk import small_talk

SEED: Final = 2026

# Copies of each dialogue in the base stage; a fraction takes that share of them at random.
BASE_COPIES: Final = {
    "cucom-ecommerce": 1.3,
    "ms-contact-center": 3.0,
    "ms-client-advisor": 3.0,
    "tau-bench": 3.0,
    "abcd-sample": 3.0,
    "star": 0.25,
    "multiwoz-2.1": 0.5,
    "taskmaster-3": 1.0,
    "taskmaster-4": 1.0,
    "sgd": 0.1,
}
BASE_ARTICLE_COPIES: Final = 1.0
BASE_GROUNDED_COPIES: Final = 1.0
NUM_BASE_DRILLS: Final = 20_000
NUM_BASE_ECHOES: Final = 9_000
BASE_PASSAGE_WORDS: Final = 200
BASE_SYSTEM_SHARE: Final = 0.3

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
NUM_HELD_OUT_CONVERSATIONS: Final = 300
SHOP_SOURCE: Final = "shop-topics"
SMALL_TALK_SOURCE: Final = "small-talk"
DRILL_SOURCE: Final = "drills"

Render = Callable[[Tokenizer, Conversation], Example]


@dataclass(frozen=True)
class Piece:
    """One conversation of a stage, with the source whose held-out loss it counts for."""

    source: str
    conversation: Conversation


def base_pieces(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    """Dialogues, grounded prompts and, for training, articles; not yet shuffled."""
    for dialogue in read_dialogues(data, DIALOGUE_FILES):
        if dialogue.split not in splits:
            continue
        for _ in range(_copies(BASE_COPIES[dialogue.source], rng)):
            conversation = plain_conversation(dialogue)
            if rng.random() < BASE_SYSTEM_SHARE:
                conversation = (system_turn(phrases.company(rng)), *conversation)
            yield Piece(dialogue.source, conversation)
    yield from grounded_pieces(data, splits, BASE_PASSAGE_WORDS, BASE_GROUNDED_COPIES, rng)
    num_drills = NUM_BASE_DRILLS if "train" in splits else NUM_HELD_OUT_CONVERSATIONS
    yield from drill_pieces(data, splits, BASE_PASSAGE_WORDS, num_drills, rng)
    if "train" in splits:
        for article in read_articles(data):
            for _ in range(_copies(BASE_ARTICLE_COPIES, rng)):
                yield Piece(article.source, article_conversation(article))


def chat_pieces(data: Path, splits: frozenset[str], rng: Random) -> Iterator[Piece]:
    """The product's own prompts, from the data and made up, and some service talk."""
    for dialogue in read_dialogues(data, DIALOGUE_FILES):
        if dialogue.split in splits:
            for _ in range(_copies(CHAT_COPIES.get(dialogue.source, 0.0), rng)):
                # without the system turn: the product's bot is not to play a call centre
                yield Piece(dialogue.source, plain_conversation(dialogue))
    yield from grounded_pieces(data, splits, CHAT_PASSAGE_WORDS, CHAT_GROUNDED_COPIES, rng)
    topics, held_out_topics = read_topics()
    if "train" in splits:
        for _ in range(NUM_SHOP_CONVERSATIONS):
            yield Piece(SHOP_SOURCE, shop_conversation(topics, rng))
        for _ in range(NUM_SMALL_TALKS):
            yield Piece(SMALL_TALK_SOURCE, small_talk(rng))
    else:
        for _ in range(NUM_HELD_OUT_CONVERSATIONS):
            yield Piece(SHOP_SOURCE, shop_conversation(held_out_topics, rng))


def grounded_pieces(
    data: Path, splits: frozenset[str], max_words: int, copies: float, rng: Random
) -> Iterator[Piece]:
    """Prompts with quoted answers; each copy has other company, distractors and phrases."""
    questions = [
        question
        for dialogue in read_dialogues(data, GROUNDED_FILES)
        if dialogue.split in splits
        for question in questions_of(dialogue)
        if question.span.passage.num_words <= max_words
    ]
    maker = GroundedMaker(questions, max_words)
    for question in questions:
        for _ in range(_copies(copies, rng)):
            yield Piece(question.source, maker.conversation(question, rng))


def drill_pieces(
    data: Path, splits: frozenset[str], max_words: int, number: int, rng: Random
) -> Iterator[Piece]:
    """Finding drills over the grounded contexts; passages of a drill mostly share their text."""
    texts = [
        split_context(dialogue.context)
        for dialogue in read_dialogues(data, GROUNDED_FILES)
        if dialogue.split in splits and dialogue.context is not None
    ]
    for _ in range(number):
        passages = [*rng.choice(texts), *rng.choice(texts)]
        conversation = drill(passages, max_words, rng)
        if conversation is not None:
            yield Piece(DRILL_SOURCE, conversation)


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
