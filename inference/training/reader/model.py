"""The reader in torch: BERT over a question and a paragraph, with two small heads.

From the whole row's first state, whether the paragraph answers the question (Nogueira & Cho 2019,
"Passage re-ranking with BERT"); from the mean of a sentence's states, how well that sentence does.
It begins as the shipped sentence encoder and keeps that one's table of words, so that a process
holds it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import BertConfig, BertModel

from inference.bert import Weights
from inference.pairs import Pair

ANSWERS: Final = "answers"
SENTENCE: Final = "sentence"
WORDS: Final = "embeddings.word_embeddings.weight"
SENTENCE_LOSS: Final = 0.5


@dataclass(frozen=True)
class Labeled:
    """A pair and what is true of it; no sentence is right where the paragraph does not answer."""

    pair: Pair
    answers: bool
    right: frozenset[int]


@dataclass(frozen=True)
class Judged:
    """What the reader says of some pairs."""

    answers: Tensor  # [B], log-odds
    sentences: tuple[Tensor, ...]  # of each pair [sentences], to be compared with each other


class ReaderModel(nn.Module):
    """The table of words stays as it is; everything else learns."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        config._attn_implementation = "sdpa"
        self.bert = BertModel(config, add_pooling_layer=False)
        self.answers = nn.Linear(config.hidden_size, 1)
        self.sentence = nn.Linear(config.hidden_size, 1)
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)

    def forward(self, pairs: Sequence[Pair]) -> Judged:
        device = self.answers.weight.device
        states = self.bert(**_padded(pairs, device)).last_hidden_state  # [B, T, D]
        answers = self.answers(states[:, 0])[:, 0]
        sentences = tuple(
            self.sentence(
                torch.stack([row[start:end].mean(dim=0) for start, end in pair.sentences])
            )
            for row, pair in zip(states, pairs, strict=True)
        )
        return Judged(answers, tuple(one[:, 0] for one in sentences))

    def loss(self, labeled: Sequence[Labeled]) -> Tensor:
        """Summed over the pairs: does it answer, and which of its sentences does (log-softmax)."""
        judged = self([one.pair for one in labeled])
        truth = torch.tensor([float(one.answers) for one in labeled], device=judged.answers.device)
        total = binary_cross_entropy_with_logits(judged.answers, truth, reduction="sum")
        for one, scores in zip(labeled, judged.sentences, strict=True):
            right = [i for i in one.right if i < len(scores)]
            if right and len(right) < len(scores):
                found = scores[right].logsumexp(0) - scores.logsumexp(0)
                total = total - SENTENCE_LOSS * found
        return total


def begun(encoder: Path) -> ReaderModel:
    """A reader that has learned nothing yet, with the weights of a sentence encoder.

    Raises:
        ModelLoadError: the folder holds none.
    """
    config = BertConfig.from_pretrained(encoder)
    model = ReaderModel(config)
    weights = Weights(encoder)
    state = {name: torch.from_numpy(weights.array(name).copy()) for name in weights.names}
    wanted = model.bert.state_dict()
    model.bert.load_state_dict(
        {name: state[name] for name in wanted if name in state}, strict=False
    )
    return model


def _padded(pairs: Sequence[Pair], device: torch.device) -> dict[str, Tensor]:
    longest = max(len(pair.ids) for pair in pairs)
    ids = torch.zeros(len(pairs), longest, dtype=torch.long)
    kinds, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, pair in enumerate(pairs):
        ids[row, : len(pair.ids)] = torch.tensor(pair.ids)
        kinds[row, pair.num_first : len(pair.ids)] = 1
        mask[row, : len(pair.ids)] = 1
    padded = {"input_ids": ids, "token_type_ids": kinds, "attention_mask": mask}
    return {name: one.to(device) for name, one in padded.items()}
