"""Which speculators an engine is started with."""

import json

import pytest

from app.engines import SHIPPED_MODEL, SHIPPED_SPECULATOR, speculators_of
from app.settings import Settings


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, ("suffix", str(SHIPPED_SPECULATOR))),
        ({"draft": "small/one"}, ("suffix", str(SHIPPED_SPECULATOR), "small/one")),
        ({"model": "some/model"}, ("suffix",)),
        ({"engine": "scripted:answers.jsonl"}, ("suffix",)),
        ({"speculator": "none"}, ()),
        ({"speculator": "ngram, some/heads"}, ("ngram", "some/heads")),
        ({"verification": "rejection", "draft": "small/one"}, ("small/one",)),
    ],
)
def test_what_is_not_named_is_chosen(given: dict[str, str], expected: tuple[str, ...]) -> None:
    assert speculators_of(Settings.model_validate(given)) == expected


def test_the_shipped_speculator_fits_the_shipped_model() -> None:
    model, speculator = (
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for folder in (SHIPPED_MODEL, SHIPPED_SPECULATOR)
    )

    assert speculator["emb_dim"] == model["hidden_size"]
    assert speculator["vocab_size"] == model["vocab_size"]
