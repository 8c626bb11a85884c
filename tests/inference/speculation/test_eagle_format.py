from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from inference import ModelLoadError
from inference.speculation import eagle
from inference.speculation.eagle_format import EagleWeights, load_eagle
from tests.inference.speculation.eagle_truth import PublishedHead
from tests.inference.speculation.heads import VOCAB, facts


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"vocab_size": 266}, f"vocabulary of size {VOCAB}, the target's is 266"),
        ({"hidden_size": 16}, "states of width 12, the target's is 16"),
        ({"num_layers": 1}, r"inputs of layers \[1, 3, 5\]; the target's are 1 to 1"),
    ],
)
def test_a_head_of_another_target_is_refused_with_both_numbers(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    head = PublishedHead(True, config={"eagle_aux_hidden_state_layer_ids": [1, 3, 5]})
    head.save(tmp_path)

    with pytest.raises(ModelLoadError, match=reason):
        eagle.load(tmp_path, facts(**changes))


def drop(name: str) -> Callable[[PublishedHead], None]:
    return lambda head: head.tensors.__delitem__(name)


def set_config(**changes: Any) -> Callable[[PublishedHead], None]:
    return lambda head: head.config.update(changes)


def lead_astray(head: PublishedHead) -> None:
    head.tensors["d2t"][-1] = 99


@pytest.mark.parametrize(
    "change, reason",
    [
        (drop("midlayer.self_attn.q_proj.weight"), r"lacks the tensor layer\.self_attn\.q_proj"),
        (drop("d2t"), "knows 15 of 31 tokens, but d2t is not there"),
        (lead_astray, "d2t leads to tokens 1 to 113 of a vocabulary of 31"),
        (set_config(num_hidden_layers=2), "an EAGLE head of 2 layers; only 1 is run"),
        (set_config(hidden_act="gelu"), "hidden_act gelu; only silu is run"),
        (set_config(intermediate_size=None), "lacks or garbles a field: TypeError"),
        (set_config(eagle_aux_hidden_state_layer_ids=[1, 2]), "reads 3 layers, .* names 2"),
        (lambda head: head.draw("stray.weight", 2), r"holds 1 tensors .* stray\.weight"),
    ],
)
def test_broken_heads_are_refused(
    tmp_path: Path, change: Callable[[PublishedHead], None], reason: str
) -> None:
    head = PublishedHead(True)
    change(head)
    head.save(tmp_path)

    with pytest.raises(ModelLoadError, match=reason):
        eagle.load(tmp_path, facts())


@pytest.mark.parametrize(
    "names", [{"fc.": "fusion_fc.", "layers.0.": "transformer."}, {"": "model."}]
)
def test_other_names_of_the_same_tensors(tmp_path: Path, names: dict[str, str]) -> None:
    plain, renamed = PublishedHead(False), PublishedHead(False)
    renamed.tensors = {
        next((new + name.removeprefix(old) for old, new in names.items() if name.startswith(old)),
             name): tensor
        for name, tensor in plain.tensors.items()
    }  # fmt: skip
    renamed.config = {"speculators_model_type": "eagle", "transformer_layer_config": plain.config}

    expected = load_eagle(plain.save(tmp_path / "plain"))
    found = load_eagle(renamed.save(tmp_path / "renamed"))

    assert found[1] == expected[1]
    assert eagle.matches(tmp_path / "renamed", {}) and eagle.matches(tmp_path / "plain", {})
    for name in EagleWeights.__annotations__:
        ours, theirs = getattr(found[0], name), getattr(expected[0], name)
        assert isinstance(ours, torch.Tensor) == isinstance(theirs, torch.Tensor)
        if isinstance(ours, torch.Tensor):
            torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def test_a_pickle_is_read_and_a_plain_model_is_no_head(tmp_path: Path) -> None:
    head = PublishedHead(False)
    head.save(tmp_path / "head")
    (tmp_path / "head/model.safetensors").unlink()
    torch.save(head.tensors, tmp_path / "head/pytorch_model.bin")
    plain = PublishedHead(False)
    del plain.tensors["fc.weight"]
    plain.save(tmp_path / "plain")

    assert eagle.matches(tmp_path / "head", head.config)
    assert eagle.load(tmp_path / "head", facts()).wants.hidden
    assert not eagle.matches(tmp_path / "plain", plain.config)
    assert not eagle.matches(tmp_path, {})


@pytest.mark.parametrize(
    "config, aux_layers",
    [
        ({}, (1, 3, 4)),
        ({"eagle_aux_hidden_state_layer_ids": [1, 4, 8]}, (0, 3, 7)),
        ({"eagle_config": {"eagle_aux_hidden_state_layer_ids": [7, 1, 2]}}, (6, 0, 1)),
    ],
)
def test_eagle_3_reads_what_enters_the_named_layers(
    tmp_path: Path, config: dict[str, Any], aux_layers: tuple[int, ...]
) -> None:
    head = PublishedHead(True, config=config)

    wants = eagle.load(head.save(tmp_path), facts(num_layers=8)).wants

    # Behind layer i - 1, counted from 0, lies what enters layer i.
    assert (wants.hidden, wants.aux_layers) == (False, aux_layers)
