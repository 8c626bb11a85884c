"""Training vectors of meaning: a question close to what answers it, far from everything else.

Contrastive (InfoNCE) over in-batch negatives, one hard negative each: another answer of the same
topic. Half a minute to a few minutes on two cores.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

from inference.meaning import VECTORS_FILE, WORDS_FILE, Stems
from inference.training.meaning_pairs import Pair

NUM_WORDS: Final = 20_000
MIN_COUNT: Final = 4
MIN_PAIR_COUNT: Final = 25
SIZE: Final = 96
BATCH: Final = 512
EPOCHS: Final = 8
RATE: Final = 5e-3
WORD_DROP: Final = 0.15
TITLE_SHARE: Final = 0.6
MAX_SHARPNESS: Final = 60.0
WEIGHTS: Final = {"intents": 0.5, "articles": 0.5}
HARD_TRIES: Final = 4

Watch = Callable[[int, float], None]


@dataclass(frozen=True)
class Encoded:
    """A pair as rows of the table, with numbers for its group and its topic."""

    query: list[int]
    title: list[int]
    answer: list[int]
    group: int
    topic: int
    weight: float


class Table(nn.Module):
    """Vectors of words, each with its own weight, which begins at its rarity."""

    def __init__(self, rarity: Sequence[float]) -> None:
        super().__init__()
        self.vectors = nn.EmbeddingBag(len(rarity), SIZE, mode="sum", include_last_offset=True)
        nn.init.normal_(self.vectors.weight, std=0.1)
        weights = torch.tensor(rarity)
        self.log_weights = nn.Parameter((weights / weights.mean()).log())
        self.log_sharpness = nn.Parameter(torch.tensor(2.7))

    def forward(self, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        """[N, D] at unit length."""
        flat = torch.tensor([row for text in texts for row in text], dtype=torch.long)
        offsets = torch.tensor([0, *np.cumsum([len(text) for text in texts])])
        weights = self.log_weights.exp()[flat]
        return functional.normalize(self.vectors(flat, offsets, per_sample_weights=weights), dim=1)

    def scores(self, queries: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        sharpness = self.log_sharpness.exp().clamp(max=MAX_SHARPNESS)
        return sharpness * queries @ answers.T

    def whole(self) -> np.typing.NDArray[np.float16]:
        """The table that is kept: vectors times weights."""
        product = self.vectors.weight * self.log_weights.exp()[:, None]
        return product.detach().numpy().astype(np.float16)


def train_meaning(pairs: Sequence[Pair], folder: Path, watch: Watch) -> None:
    """Learn from the pairs and write the table; the same pairs give the same one.

    `watch` is told each epoch's number, from 1, and its mean loss.
    """
    torch.manual_seed(0)
    rng = Random(0)
    words, rarity, encoded = _encode(pairs)
    table = Table(rarity)
    optimizer = torch.optim.Adam(table.parameters(), lr=RATE)
    by_topic: dict[int, list[Encoded]] = {}
    for one in encoded:
        by_topic.setdefault(one.topic, []).append(one)
    num_steps = EPOCHS * max(1, len(encoded) // BATCH)
    step = 0
    for epoch in range(EPOCHS):
        rng.shuffle(encoded)
        losses: list[float] = []
        for first in range(0, max(1, len(encoded) - BATCH + 1), BATCH):
            batch = encoded[first : first + BATCH]
            for group in optimizer.param_groups:
                group["lr"] = RATE * (1 - step / num_steps)
            loss = _loss(table, batch, [_hard(one, by_topic, rng) for one in batch], rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            losses.append(loss.item())
        watch(epoch + 1, sum(losses) / len(losses))
    _write(folder, words, table)


def _encode(pairs: Sequence[Pair]) -> tuple[list[str], list[float], list[Encoded]]:
    stems = Stems()
    texts = [[stems.features(t) for t in (pair.query, pair.title, pair.answer)] for pair in pairs]
    counts = Counter(
        word for of_pair in texts for word in {one for text in of_pair for one in text}
    )
    words = [
        word
        for word, count in counts.most_common()
        if count >= (MIN_PAIR_COUNT if " " in word else MIN_COUNT)
    ][:NUM_WORDS]
    rows = {word: row for row, word in enumerate(words)}
    groups: dict[str, int] = {}
    topics: dict[str, int] = {}
    encoded = [
        Encoded(
            query=_rows(rows, query),
            title=_rows(rows, title),
            answer=_rows(rows, answer),
            group=groups.setdefault(pair.group, len(groups)),
            topic=topics.setdefault(pair.topic, len(topics)),
            weight=WEIGHTS.get(pair.source, 1.0),
        )
        for pair, (query, title, answer) in zip(pairs, texts, strict=True)
    ]
    return words, [math.log1p(len(pairs) / counts[word]) for word in words], encoded


def _rows(rows: dict[str, int], words: Sequence[str]) -> list[int]:
    return [rows[word] for word in words if word in rows]


def _hard(one: Encoded, by_topic: dict[int, list[Encoded]], rng: Random) -> Encoded | None:
    for _ in range(HARD_TRIES):
        other = rng.choice(by_topic[one.topic])
        if other.group != one.group:
            return other
    return None


def _loss(
    table: Table, batch: Sequence[Encoded], hard: Sequence[Encoded | None], rng: Random
) -> torch.Tensor:
    """Both ways round; answers of the same group are no negatives of each other."""
    queries = table([_dropped(one.query, rng) for one in batch])
    answers = table([_titled(one, rng) for one in batch])
    others = [one for one in hard if one is not None]
    groups = torch.tensor([one.group for one in batch])
    same = (groups[:, None] == groups[None]) & ~torch.eye(len(batch), dtype=torch.bool)
    scores = table.scores(queries, answers).masked_fill(same, -1e4)
    against = [scores]
    if others:
        other_groups = torch.tensor([one.group for one in others])
        hard_scores = table.scores(queries, table([_titled(one, rng) for one in others]))
        against.append(hard_scores.masked_fill(groups[:, None] == other_groups[None], -1e4))
    own = torch.arange(len(batch))
    losses = functional.cross_entropy(torch.cat(against, 1), own, reduction="none")
    losses = losses + functional.cross_entropy(scores.T, own, reduction="none")
    weights = torch.tensor([one.weight for one in batch])
    return (losses * weights).sum() / (2 * weights.sum())


def _titled(one: Encoded, rng: Random) -> list[int]:
    title = one.title if rng.random() < TITLE_SHARE else []
    return title + _dropped(one.answer, rng)


def _dropped(rows: Sequence[int], rng: Random) -> list[int]:
    return [row for row in rows if rng.random() >= WORD_DROP]


def _write(folder: Path, words: Sequence[str], table: Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WORDS_FILE).write_text("\n".join(words) + "\n", encoding="utf-8")
    path = folder / VECTORS_FILE
    save_file({"vectors": table.whole()}, path)
    path.chmod(0o644)  # save_file leaves it readable by its owner alone
