"""The encoder against transformers, on tiny checkpoints; the shipped one by what it is for."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch
from tokenizers import Tokenizer
from transformers import AutoModel

from inference import Encoder, ModelLoadError
from tests.tiny_models import save_tiny_bert

TEXTS = [
    "how can i return a tent ?",
    "where is my order ?",
    "ship it back",
    "",
    "unheard words",
    "is my tent where my order is ?",
]


def by_transformers(folder: Path, texts: list[str], pooling: str) -> np.ndarray:
    """[texts, D], one text after the other."""
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = []
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.inference_mode():
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        pooled = states[0] if pooling == "cls" else states.mean(0)
        rows.append((pooled / pooled.norm()).numpy())
    return np.stack(rows)


@pytest.mark.parametrize(
    "kind, pooling", [("bert", "mean"), ("bert", "cls"), ("roberta", "mean"), ("roberta", "cls")]
)
def test_vectors_are_those_of_transformers(tmp_path: Path, kind: str, pooling: str) -> None:
    folder = save_tiny_bert(tmp_path, kind, pooling)

    vectors = Encoder(folder).encode(TEXTS)

    np.testing.assert_allclose(vectors, by_transformers(folder, TEXTS, pooling), atol=2e-5)


def test_a_vector_does_not_depend_on_what_else_is_encoded(tmp_path: Path) -> None:
    encoder = Encoder(save_tiny_bert(tmp_path))

    together = encoder.encode(TEXTS * 30)

    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(encoder.encode([text])[0], together[i], atol=1e-5)
    assert encoder.encode([]).shape == (0, 32)


def test_what_is_longer_than_the_model_reads_counts_by_its_beginning(tmp_path: Path) -> None:
    encoder = Encoder(save_tiny_bert(tmp_path))

    long, longer = encoder.encode(["tent order " * 50, "tent order " * 500])

    np.testing.assert_array_equal(long, longer)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_are_read_as_they_are(tmp_path: Path, dtype: torch.dtype) -> None:
    folder = save_tiny_bert(tmp_path)
    path = folder / "model.safetensors"
    exact = Encoder(folder)
    weights = {name: torch.from_numpy(one).to(dtype) for name, one in load_file(path).items()}
    save_torch({name: one.float() for name, one in weights.items()}, path)
    rounded = Encoder(folder).encode(TEXTS)
    save_torch(weights, path)
    halves = Encoder(folder)

    np.testing.assert_array_equal(halves.encode(TEXTS), rounded)
    assert halves.fingerprint != exact.fingerprint


def test_the_shipped_one_finds_what_is_meant() -> None:
    encoder = Encoder()
    asked, meant, other = encoder.encode(
        [
            "my sweater is too tight, what now?",
            "You can exchange clothing for another size within 45 days.",
            "We accept Visa, Mastercard and American Express.",
        ]
    )

    assert encoder.width == 384
    assert asked @ meant > asked @ other + 0.1
    assert np.linalg.norm(asked) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("is_broken", [True, False])
def test_a_file_that_is_missing_or_broken_is_named(
    tmp_path: Path, name: str, is_broken: bool
) -> None:
    folder = save_tiny_bert(tmp_path)
    if is_broken:
        (folder / name).write_text("not what it should be")
    else:
        (folder / name).unlink()

    with pytest.raises(ModelLoadError, match=name.replace(".", r"\.")):
        Encoder(folder)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))

    with pytest.raises(ModelLoadError, match="'llama', known are bert"):
        Encoder(folder)


def test_another_pooling_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="neither mean nor cls"):
        Encoder(save_tiny_bert(tmp_path, pooling="max"))


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, folder / "model.safetensors")

    with pytest.raises(ModelLoadError, match=r"no encoder\.layer\.1\.output\.dense\.bias"):
        Encoder(folder)
