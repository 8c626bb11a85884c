"""A reader learns, and a stopped run goes on as if it had not been stopped."""

from pathlib import Path
from random import Random

import pytest
import torch

from inference import Encoder
from inference.pairs import PairTokenizer
from inference.training.passages import Passage
from inference.training.reader.examples import Example
from inference.training.reader.measure import area, measure
from inference.training.reader.model import ReaderModel, begun
from inference.training.reader.trainer import Plan, Shelf, Step, Trainer, labeled_of
from tests.tiny_models import save_tiny_bert

TENT = Passage("tent", ("return a tent", "ship it back"))
ORDER = Passage("order", ("where is it", "my order is back"))
EXAMPLES = [
    Example("one", "how can i return a tent ?", "", TENT, frozenset({1}), (ORDER,)),
    Example("one", "where is my order ?", "", ORDER, frozenset({0}), (TENT,)),
    Example("one", "ship ?", "", None, frozenset(), (TENT, ORDER)),
]
PLAN = Plan(num_steps=4, first_steps=2, warmup=1)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return save_tiny_bert(tmp_path / "encoder")


def trained(encoder: Path, folder: Path, stops: list[int], plan: Plan = PLAN) -> ReaderModel:
    """In as many runs as there are stops."""
    folder.mkdir()
    tokenizer = PairTokenizer(Encoder(encoder).plain_tokenizer(), 24)
    shelf = Shelf(EXAMPLES)
    for stop in stops:
        torch.manual_seed(0)
        trainer = Trainer(begun(encoder), tokenizer, plan, folder)
        trainer.resume()
        seen: list[Step] = []
        trainer.run(shelf, shelf, seen.append, until=stop)
        assert [one.number for one in seen][-1] == stop
    return trainer.model


def test_a_stopped_run_ends_where_an_unbroken_one_does(encoder: Path, tmp_path: Path) -> None:
    whole = trained(encoder, tmp_path / "whole", [4])
    stopped = trained(encoder, tmp_path / "stopped", [1, 3, 4])

    for name, one in whole.state_dict().items():
        torch.testing.assert_close(one, stopped.state_dict()[name], msg=name)


def test_it_learns_what_answers_what(encoder: Path, tmp_path: Path) -> None:
    plan = Plan(num_steps=60, first_steps=0, rate=3e-3, warmup=5)

    model = trained(encoder, tmp_path / "run", [60], plan)

    tokenizer = PairTokenizer(Encoder(encoder).plain_tokenizer(), 24)
    worth = measure(model, tokenizer, EXAMPLES)
    assert (worth.num_answerable, worth.num_unanswerable) == (2, 1)
    assert (worth.paragraph_first, worth.sentence_first, worth.told_apart) == (1.0, 1.0, 1.0)
    words = begun(encoder).bert.embeddings.word_embeddings.weight
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, words)


def test_headings_that_became_questions_are_mostly_left_out() -> None:
    faq = Passage("Care - How do I wash it?", ("How do I wash it?", "By hand."))
    other = Passage("Care - May I iron it?", ("May I iron it?", "No."))
    none = frozenset[int]()
    asked = Example("faq", "How do I wash it?", "", faq, frozenset({1}), (other,), True)
    tokenizer = PairTokenizer(Encoder().plain_tokenizer())
    counts = {True: 0, False: 0}

    for seed in range(200):
        right, wrong = labeled_of(asked, tokenizer, Random(seed))
        is_bare = len(right.pair.sentences) == 1
        counts[is_bare] += 1
        assert len(wrong.pair.sentences) == len(right.pair.sentences)
        assert right.right == ({0} if is_bare else {1}) and wrong.right == none
    assert 140 < counts[True] < 195


def test_the_area_counts_ties_half() -> None:
    assert area([2.0, 1.0], [1.0, 0.0]) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
