"""The table is learned from pairs: questions come to lie beside what answers them."""

from pathlib import Path

import pytest

from inference.meaning import Meaning, MeaningTable
from inference.training import meaning as trained
from inference.training.meaning_pairs import Pair, read_pairs
from tests.inference.training.data import write_data

SAID = {"returns": "send it back", "opening": "visit the store", "paying": "use a card"}
ANSWERS = {
    "returns": "Parcels travel home.",
    "opening": "Doors open early.",
    "paying": "Visa works.",
}


def test_pairs_come_from_all_kinds_of_data(tmp_path: Path) -> None:
    pairs = read_pairs(write_data(tmp_path / "data"), frozenset({"train"}))

    # the three articles hold no sentence that is long enough
    assert {pair.source for pair in pairs} == {"dstc9-faq", "faq", "intents", "shops"}
    asked = {(pair.query, pair.answer) for pair in pairs if pair.source == "faq"}
    assert ("Is breakfast included?", "Breakfast is included in all rates.") in asked


def test_questions_come_to_lie_beside_their_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "BATCH", 12)
    pairs = [Pair("x", SAID[k], "", ANSWERS[k], k, "shop") for k in SAID for _ in range(20)]
    losses: list[float] = []

    trained.train_meaning(pairs, tmp_path, lambda _, loss: losses.append(loss))

    learned = Meaning(MeaningTable.load(tmp_path))
    for kind, said in SAID.items():
        scores = {k: learned.vector(said) @ learned.vector(ANSWERS[k]) for k in ANSWERS}
        assert max(scores, key=lambda k: scores[k]) == kind
    assert losses[-1] < losses[0]
