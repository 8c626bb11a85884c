"""A tiny random base model in the product's layout, and few conversations."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from inference.training import mixture
from inference.training.export import export
from inference.training.model import CareModel, ModelShape
from inference.training.speculator import conversations, draft, own_text, recipe


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOP_CONVERSATIONS", "SMALL_TALKS", "LOOK_UPS", "TASKS", "HELD_OUT"):
        monkeypatch.setattr(mixture, f"NUM_{name}", 4)
    monkeypatch.setattr(conversations, "HELD_OUT_PER_SOURCE", 1)
    monkeypatch.setattr(own_text, "BATCH", 4)
    monkeypatch.setattr(recipe, "MAX_ANSWER_TOKENS", 8)
    monkeypatch.setattr(recipe, "MAX_PROMPT_TOKENS", 1000)
    monkeypatch.setattr(recipe, "OWN_BATCH", 16)
    monkeypatch.setattr(recipe, "TRUTH_ROW_LEN", 256)
    monkeypatch.setattr(draft, "ROW_LEN", 128)


@pytest.fixture(scope="session")
def base(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    shape = ModelShape(32, 1, 1, 1, 48, vocab_size=tokenizer.get_vocab_size())
    folder = tmp_path_factory.mktemp("models") / "tiny-base"
    export(shape, CareModel(shape).state_dict(), tokenizer, folder)
    return folder
