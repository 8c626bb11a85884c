"""Questions with what answers them and what does not."""

from pathlib import Path

import pytest

from inference.training.errors import DataMissing
from inference.training.reader.examples import HELD_OUT, WRITTEN, written_examples


def test_every_written_question_names_sentences_that_exist() -> None:
    for example in written_examples() + written_examples(is_held_out=True):
        if example.answer is None:
            assert not example.right
            assert example.others
        else:
            assert example.right and max(example.right) < len(example.answer.sentences)
            assert example.answer not in example.others


def test_a_company_is_trained_on_or_held_out_never_both() -> None:
    trained = {one.question for one in written_examples()}
    held_out = {one.question for one in written_examples(is_held_out=True)}

    assert not trained & held_out
    assert len(held_out) > 1_000 and len(trained) > 6_000
    assert len(HELD_OUT) == 7


def test_no_question_of_the_demo_is_trained_on() -> None:
    asked = {one.question.casefold() for one in written_examples()}
    demo = Path(__file__).parents[4] / "app" / "demo"
    found = (demo / "evaluation.jsonl").read_text().casefold()

    assert not [one for one in asked if f'"question": "{one}"' in found and len(one.split()) > 4]


def test_a_folder_without_articles_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"articles-\*\.jsonl"):
        written_examples(tmp_path)
    assert WRITTEN.is_dir()
