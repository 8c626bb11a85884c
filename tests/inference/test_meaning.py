"""Texts that mean alike lie close together, in the shipped table; broken folders are refused."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from inference.errors import ModelLoadError
from inference.meaning import VECTORS_FILE, WORDS_FILE, Meaning, MeaningTable, Stems


@pytest.fixture(scope="module")
def meaning() -> Meaning:
    return Meaning(MeaningTable.load())


def test_an_answer_is_closer_to_its_question_than_another_sentence(meaning: Meaning) -> None:
    asked = meaning.vector("Which cards do you take?")

    accepted = asked @ meaning.vector("We accept Visa, Mastercard and American Express.")
    other = asked @ meaning.vector("You can return items within 45 days of delivery.")

    assert accepted > other + 0.1


def test_vectors_have_unit_length_or_none(meaning: Meaning) -> None:
    assert np.linalg.norm(meaning.vector("Where is my order?")) == pytest.approx(1.0, abs=1e-5)
    assert not meaning.vector("").any() and not meaning.vector("qqxzv").any()


def test_facts_count_by_their_kind() -> None:
    features = Stems().features("It's $4.95, 5 % off until 9 a.m.: call 555-010-2030!")

    assert features[: features.index("!") + 1] == [
        "it", "<money>", "<percent>", "off", "until", "<time>", "call", "<phone>", "!"
    ]  # fmt: skip
    assert "call <phone>" in features


def test_a_folder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="no table"):
        MeaningTable.load(tmp_path)
    (tmp_path / WORDS_FILE).write_text("a\nb\n")
    save_file({"vectors": np.zeros((3, 4), dtype=np.float16)}, tmp_path / VECTORS_FILE)

    with pytest.raises(ModelLoadError, match=r"2 words, vectors of \(3, 4\)"):
        MeaningTable.load(tmp_path)
