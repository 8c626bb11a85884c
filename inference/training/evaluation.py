"""How good a written model is: held-out loss of each source, and what it answers to prompts.

Both look at the exported folder through stock transformers, so they judge what is shipped and not
the module that was trained.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedModel

from inference.training.copying import Copied
from inference.training.facts import Checked, Kept, kept
from inference.training.layout import (
    END_ID,
    PAD_ID,
    Conversation,
    Role,
    encode_turn,
    text_of,
)
from inference.training.mixture import Piece
from inference.training.model import Logits
from inference.training.passages import words_of
from inference.training.rows import Rows
from inference.training.trainer import batch_of

MAX_ANSWER_TOKENS: Final = 120
EVALUATION_ROWS: Final = 8
MARKER: Final = re.compile(r"\[\d+\]|<\|[^|]*\|>")
QUOTE: Final = re.compile(r"<\|quote\|>(.*?)<\|/quote\|>(?:\s*\[(\d+)\])?", re.DOTALL)


@dataclass(frozen=True)
class HeldOutLoss:
    """Mean cross-entropy in nats over the learned tokens of a source."""

    tokens: int
    loss: float

    @property
    def perplexity(self) -> float:
        return math.exp(self.loss)


@dataclass(frozen=True)
class Answered:
    """A prompt's last question, what was wanted and what the model said."""

    source: str
    question: str
    wanted: str
    said: str
    passages: str


@dataclass(frozen=True)
class Quality:
    """Shares of the answers; those about quotes count the prompts that hold an answer."""

    num_answerable: int
    num_unanswerable: int
    quoted: float  # answerable, and the model quoted
    copied: float  # of the quotes: letter by letter in the passages
    right: float  # answerable, and the quote holds the wanted sentences' words
    marker_right: float  # answerable, and the marker is the wanted one
    declined: float  # unanswerable, and the model did not quote
    facts: Kept  # of all answers, the quotes' markers left out


def load_model(folder: Path) -> PreTrainedModel:
    """The exported model in float32, ready to evaluate."""
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.train(False)
    return model


@torch.no_grad()
def held_out_losses(
    logits_of: Logits, rows: Rows, device: torch.device, stride: int = 1
) -> dict[str, HeldOutLoss]:
    """Of each source with something to learn, over every `stride`-th of its rows."""
    losses = {}
    for source, (first, last) in rows.sources.items():
        total, num_tokens = 0.0, 0
        of_source = np.arange(first, last, stride)
        for start in range(0, len(of_source), EVALUATION_ROWS):
            ids, learned = batch_of(rows, of_source[start : start + EVALUATION_ROWS], device)
            logits = logits_of(ids)[:, :-1][learned[:, 1:]].float()
            targets = ids[:, 1:][learned[:, 1:]]
            total += functional.cross_entropy(logits, targets, reduction="sum").item()
            num_tokens += targets.numel()
        if num_tokens:
            losses[source] = HeldOutLoss(num_tokens, total / num_tokens)
    return losses


def answers(
    model: PreTrainedModel, tokenizer: Tokenizer, pieces: Iterable[Piece]
) -> Iterator[Answered]:
    """The model's greedy answer to the last question of each conversation with passages."""
    for piece in pieces:
        prompt, wanted = _cut(piece.conversation)
        ids = [token for turn in prompt for token in encode_turn(tokenizer, turn)]
        said = complete(model, tokenizer, [*ids, Role.ASSISTANT.value])
        passages = [text_of(turn) for turn in prompt if turn.role is Role.PASSAGES]
        yield Answered(
            piece.source, text_of(prompt[-1]), wanted, said, passages[-1] if passages else ""
        )


@torch.no_grad()
def complete(model: PreTrainedModel, tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Greedy continuation up to `<|end|>`, special tokens kept as text."""
    prompt = torch.tensor([ids])
    output = model.generate(  # type: ignore[operator]
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=MAX_ANSWER_TOKENS,
        do_sample=False,
        eos_token_id=END_ID,
        pad_token_id=PAD_ID,
    )
    new_ids = output[0, len(ids) :].tolist()
    text: str = tokenizer.decode(
        [token for token in new_ids if token != END_ID], skip_special_tokens=False
    )
    return text


def quality(answered: Sequence[Answered]) -> Quality:
    """What the answers are worth, measured against the wanted ones."""
    answerable = [each for each in answered if QUOTE.search(each.wanted)]
    unanswerable = [each for each in answered if not QUOTE.search(each.wanted)]
    found = [(each, QUOTE.search(each.said), QUOTE.search(each.wanted)) for each in answerable]
    quotes = [(each, said, wanted) for each, said, wanted in found if said and wanted]
    return Quality(
        num_answerable=len(answerable),
        num_unanswerable=len(unanswerable),
        quoted=_share(len(quotes), len(answerable)),
        copied=_share(sum(said[1] in each.passages for each, said, _ in quotes), len(quotes)),
        right=_share(sum(_holds(said[1], wanted[1]) for _, said, wanted in quotes), len(found)),
        marker_right=_share(sum(said[2] == wanted[2] for _, said, wanted in quotes), len(found)),
        declined=_share(
            sum(QUOTE.search(each.said) is None for each in unanswerable), len(unanswerable)
        ),
        facts=kept(map(_checked, answered)),
    )


def write_report(
    path: Path,
    losses: dict[str, dict[str, HeldOutLoss]],
    qualities: dict[str, Quality],
    copying: dict[str, Copied],
) -> None:
    """Losses by stage and source, answer quality by source and copying by kind, as JSON."""
    report = {
        "held_out": {
            stage: {
                source: {
                    "tokens": loss.tokens,
                    "loss": round(loss.loss, 4),
                    "perplexity": round(loss.perplexity, 2),
                }
                for source, loss in sources.items()
            }
            for stage, sources in losses.items()
        },
        "answers": {source: asdict(value) for source, value in qualities.items()},
        "copying": {kind: asdict(value) for kind, value in copying.items()},
    }
    path.write_text(json.dumps(report, indent=2) + "\n")


def sample_pieces(
    pieces: Iterable[Piece], per_source: int, seed: int, more: Mapping[str, int]
) -> list[Piece]:
    """A fixed choice of the pieces that end in an answer to a question with passages.

    `more` has the sources of which another number is wanted.
    """
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        if _is_asked_with_passages(piece.conversation):
            groups.setdefault(piece.source, []).append(piece)
    rng = Random(seed)
    return [
        piece
        for source in sorted(groups)
        for piece in rng.sample(
            groups[source], min(more.get(source, per_source), len(groups[source]))
        )
    ]


def _is_asked_with_passages(conversation: Conversation) -> bool:
    roles = [turn.role for turn in conversation[-3:]]
    is_prompt = conversation[0].role is Role.SYSTEM
    return is_prompt and roles == [Role.PASSAGES, Role.CUSTOMER, Role.ASSISTANT]


def _checked(each: Answered) -> Checked:
    wanted, said = (MARKER.sub("", text) for text in (each.wanted, each.said))
    return Checked(wanted, said, f"{each.passages} {each.question}")


def _cut(conversation: Conversation) -> tuple[Conversation, str]:
    return conversation[:-1], text_of(conversation[-1])


def _holds(said: str, wanted: str) -> bool:
    """Most of the wanted words are in what was said, or what was said is part of it."""
    said_words, wanted_words = words_of(said), words_of(wanted)
    common = sum(word in said_words for word in wanted_words)
    return common >= 0.7 * len(wanted_words) or (bool(said) and said in wanted)


def _share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0
