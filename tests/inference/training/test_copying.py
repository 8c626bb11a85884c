"""The copying curve counts what a model would have quoted right, and quotes alone."""

import numpy as np
import torch
from tokenizers import Tokenizer

from inference.training.copying import copied, render_quotes
from inference.training.layout import END_QUOTE_ID, QUOTE_ID, Quote, Role, Turn, say
from inference.training.loss import quote_weights
from inference.training.model import SIZES, CareModel
from inference.training.muon import orthogonal
from inference.training.rows import Batch


def test_only_quotes_are_learned(tokenizer: Tokenizer) -> None:
    turns = (
        say(Role.CUSTOMER, "Where is it?"),
        Turn(Role.ASSISTANT, ("Here: ", Quote("It left us."), " [1] Good?")),
    )

    example = render_quotes(tokenizer, turns)

    learned = [token for token, is_in in zip(example.ids, example.learned, strict=True) if is_in]
    assert tokenizer.decode(learned[:-1]) == "It left us."
    assert learned[-1] == END_QUOTE_ID


def test_a_quote_counts_only_when_all_of_it_is_right() -> None:
    torch.manual_seed(0)
    model = CareModel(SIZES["tiny"])
    ids = torch.randint(16, 8000, (1, 12))
    with torch.no_grad():
        guesses = model.logits_of(ids).argmax(-1)
    said = ids.clone()
    said[0, 8] = guesses[0, 7]  # the model's own guess, so right; its neighbour at 4 is not
    learned = np.zeros((1, 12), dtype=np.bool_)
    learned[0, [4, 8]] = True

    found = copied(model.logits_of, Batch(said.numpy(), learned), torch.device("cpu"))

    assert (found.quotes, found.tokens) == (0.5, 0.5)
    learned[0, 7] = True  # now the right token and a wrong one make one quote
    found = copied(model.logits_of, Batch(said.numpy(), learned), torch.device("cpu"))
    assert found.quotes == 0.0 and found.tokens == 1 / 3


def test_quotes_and_their_markers_weigh_more() -> None:
    ids = torch.tensor([[20, QUOTE_ID, 21, 22, END_QUOTE_ID, 23, 24, 25, 26]])

    assert quote_weights(ids, 4.0).tolist() == [[1, 1, 4, 4, 4, 4, 4, 1, 1]]


def test_a_quote_cut_off_by_a_rows_edge_changes_nothing_for_the_next() -> None:
    ids = torch.tensor([[20, END_QUOTE_ID, 21, 22, 23, QUOTE_ID, 24, END_QUOTE_ID, 25]])

    assert quote_weights(ids, 4.0).tolist() == [[1, 1, 1, 1, 1, 1, 4, 4, 4]]


def test_orthogonal_brings_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((8, 20), (20, 8)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)).float())

        assert values.min() > 0.5 and values.max() < 1.5
