"""Training repeats what is scarce; held-out dialogues stand once."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from inference.training import mixture
from inference.training.mixture import base_texts, chat_texts
from tests.inference.training.data import write_data


def test_held_out_dialogues_stand_once_and_training_takes_its_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data")
    monkeypatch.setattr(mixture, "BASE_COPIES", {"cucom-ecommerce": 3.0})
    monkeypatch.setattr(mixture, "CHAT_COPIES", {"cucom-ecommerce": 0.0, "abcd-sample": 2.0})

    def counted(texts: object, *splits: str) -> Counter[str]:
        assert callable(texts)
        return Counter(piece.source for piece in texts(data, frozenset(splits), Random(0)))

    assert counted(base_texts, "train") == {"cucom-ecommerce": 27, "abcd-sample": 9, "va-gov": 3}
    assert counted(base_texts, "dev", "test") == {"cucom-ecommerce": 3, "abcd-sample": 3}
    assert counted(chat_texts, "train") == {"abcd-sample": 18}
    assert counted(chat_texts, "dev", "test") == {"cucom-ecommerce": 3, "abcd-sample": 3}
