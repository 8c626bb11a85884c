"""What a reader is worth, on questions it was not trained on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import torch

from inference.pairs import Pair, PairTokenizer
from inference.training.reader.examples import Example
from inference.training.reader.model import ReaderModel

NUM_OTHERS: Final = 4


@dataclass(frozen=True)
class Worth:
    """Over one set of questions."""

    num_answerable: int
    num_unanswerable: int
    paragraph_first: float
    """Share of answerable questions whose paragraph is put before the others shown."""
    sentence_first: float
    """Share whose right sentence is put first within its paragraph (of two sentences or more)."""
    told_apart: float | None
    """How often an answerable question's best paragraph is held surer to answer than an
    unanswerable one's (area under the ROC curve); None without unanswerable ones."""

    def as_json(self) -> dict[str, object]:
        """For `evaluation.json`."""
        return asdict(self)


@torch.no_grad()
def measure(model: ReaderModel, tokenizer: PairTokenizer, examples: Sequence[Example]) -> Worth:
    """Each question with its paragraph, if it has one, and the nearest that do not answer."""
    model.eval()
    best: dict[bool, list[float]] = {True: [], False: []}
    firsts: list[bool] = []
    sentences: list[bool] = []
    for example in examples:
        shown = [one for one in (example.answer, *example.others[:NUM_OTHERS]) if one is not None]
        pairs = [tokenizer.pair(_asked(example), one.title, one.sentences) for one in shown]
        judged = model(pairs)
        answers = judged.answers.tolist()
        best[example.answer is not None].append(max(answers))
        if example.answer is not None:
            firsts.append(answers[0] == max(answers))
            sentences += _sentence_first(pairs[0], judged.sentences[0], example.right)
    return Worth(
        len(best[True]),
        len(best[False]),
        _mean(firsts),
        _mean(sentences),
        area(best[True], best[False]) if best[False] else None,
    )


def area(higher: Sequence[float], lower: Sequence[float]) -> float:
    """How often one of the first is above one of the second, ties counting half."""
    above = np.array(higher)[:, None] - np.array(lower)[None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def _asked(example: Example) -> str:
    return f"{example.before} {example.question}" if example.before else example.question


def _sentence_first(pair: Pair, scores: torch.Tensor, right: frozenset[int]) -> list[bool]:
    """Nothing where there is nothing to choose."""
    if len(pair.sentences) < 2 or not right:
        return []
    return [int(scores.argmax()) in right]


def _mean(found: Sequence[bool]) -> float:
    return float(np.mean(found)) if found else 0.0
