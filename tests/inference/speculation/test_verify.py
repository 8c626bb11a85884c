"""Verification without a model: which rows it needs the logits of, and what it makes of them."""

import torch

from inference.batch import CONSTRAINT, Part, Tree
from inference.constraints.segments import Fixed
from inference.request import SamplingParams
from inference.sequence import Sequence
from inference.speculation.verify import verify
from inference.text import AnswerText

VOCAB, COPY = 30, (7, 8, 9)


class Copy(Fixed):
    """As far as verification looks at it: a guide of one copy."""

    def is_done(self, place: int) -> bool:
        return False  # an answer goes on behind it

    def forced(self, place: int) -> tuple[int, ...]:
        return tuple(COPY[place:])

    def permits(self, place: int, token_id: int) -> bool:
        return token_id == COPY[place] if place < len(COPY) else True

    def segment(self, place: int) -> int:
        return 0

    def allowed(self, place: int) -> torch.Tensor:
        return torch.ones(VOCAB, dtype=torch.bool)


def drafted(logprobs: int | None = None, drafted_by: str = CONSTRAINT) -> Part:
    """A request behind whose prompt all of a copy is drafted, and one token more by somebody."""
    sequence = Sequence(
        request_id="a", params=SamplingParams(logprobs=logprobs), token_ids=[1, 2], num_prompt=2,
        salt=b"", seed=0, arrival=0, text=AnswerText(None, ()),
        constraint=Copy(COPY), stop_ids=frozenset(), max_output=9, deadline=None,
    )  # fmt: skip
    own = Part(sequence, 0, 2, 8)
    own.tree = Tree((*COPY, 5), (-1, 0, 1, 2), (drafted_by,) * 3 + ("ngram",), states=(1, 2, 3, 4))
    return own


def test_no_logits_are_wanted_behind_which_a_copy_goes_on() -> None:
    assert list(drafted().open_nodes) == [2, 3]
    assert list(drafted(drafted_by=f"{CONSTRAINT}+mlp").open_nodes) == [2, 3]
    assert list(drafted(drafted_by="mlp").open_nodes) == [-1, 0, 1, 2, 3]
    assert list(drafted(logprobs=0).open_nodes) == [-1, 0, 1, 2, 3]


def test_a_copy_is_kept_and_what_follows_is_drawn_from_the_logits_that_are_there() -> None:
    logits = torch.zeros(2, VOCAB)
    logits[0, 5], logits[1, 6] = 1.0, 1.0

    (verdict,) = verify([drafted()], logits)

    assert verdict.token_ids == (*COPY, 5, 6)
    assert verdict.path == (0, 1, 2, 3)


def test_another_token_behind_a_copy_drops_what_was_guessed() -> None:
    logits = torch.zeros(2, VOCAB)
    logits[0, 4] = 1.0

    (verdict,) = verify([drafted()], logits)

    assert verdict.token_ids == (*COPY, 4)
