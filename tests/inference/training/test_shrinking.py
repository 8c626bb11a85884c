"""A byte a weight says nearly the same."""

from pathlib import Path

import numpy as np
import pytest

from inference import Encoder, ModelLoadError
from inference.training.shrinking import shrink
from tests.tiny_models import save_tiny_bert

TEXTS = ["how can i return a tent ?", "where is my order ?", "ship it back"]


def test_a_byte_a_weight_is_smaller_and_nearly_the_same(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path / "whole")

    shrink(folder, tmp_path / "small")

    whole, small = Encoder(folder), Encoder(tmp_path / "small")
    cosines = (whole.encode(TEXTS) * small.encode(TEXTS)).sum(axis=1)
    assert np.all(cosines > 0.99) and np.any(cosines < 1 - 1e-6)
    sizes = [(one / "model.safetensors").stat().st_size for one in (folder, tmp_path / "small")]
    assert sizes[1] < sizes[0] / 2


def test_what_is_too_large_for_one_file_is_divided_and_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_bert(tmp_path / "whole")
    shrink(folder, tmp_path / "one")
    monkeypatch.setattr("inference.training.shrinking.MAX_FILE_BYTES", 4_000)

    shrink(folder, tmp_path / "several")

    assert len([*(tmp_path / "several").glob("model-*.safetensors")]) > 2
    one, several = Encoder(tmp_path / "one"), Encoder(tmp_path / "several")
    np.testing.assert_array_equal(one.encode(TEXTS), several.encode(TEXTS))
    shrink(tmp_path / "several", tmp_path / "again")


def test_what_is_no_encoder_is_not_shrunk(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError):
        shrink(tmp_path, tmp_path / "small")

    assert not (tmp_path / "small").exists()
