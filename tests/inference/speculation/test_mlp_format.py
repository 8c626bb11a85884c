import json
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import ModelLoadError
from inference.speculation.mlp_format import (
    MlpConfig,
    MlpWeights,
    load_mlp_speculator,
    save_mlp_speculator,
)
from tests.inference.speculation.heads import mlp_config, random_mlp

CONFIGS = {
    "untied": mlp_config(),
    "tied": mlp_config(tie_weights=True),
    "scaled": mlp_config(tie_weights=True, scale_input=True, n_predict=5,
                         top_k_tokens_per_head=(2, 2, 1, 1, 1)),
    "single": mlp_config(n_predict=1, top_k_tokens_per_head=(3,)),
}  # fmt: skip


def check_equal(found: MlpWeights, expected: MlpWeights) -> None:
    for ours, theirs in zip(astuple(found), astuple(expected), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    raw = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in raw.items() if value is not None}))


def every_alias(weights: MlpWeights) -> dict[str, torch.Tensor]:
    """A state dictionary with all names, as fms writes it: without the prefix."""
    kinds = zip(
        ("emb.{}.weight", "proj.{}.weight", "head.{}.weight", "ln.{}.weight", "ln.{}.bias"),
        astuple(weights),
        strict=True,
    )
    return {
        name.format(stage): tensor.clone()
        for name, tensors in kinds
        for stage, tensor in enumerate(tensors)
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_saved_is_what_is_loaded(tmp_path: Path, name: str) -> None:
    config = CONFIGS[name]
    weights = random_mlp(config)

    save_mlp_speculator(tmp_path, weights, config)
    found, found_config = load_mlp_speculator(tmp_path)

    assert found_config == config
    check_equal(found, weights)
    assert all(key.startswith("speculator.") for key in load_file(tmp_path / "model.safetensors"))
    assert (found.heads[0] is found.heads[-1]) == (config.tie_weights or config.n_predict == 1)


@pytest.mark.parametrize("kept", [("0", "1"), ("2",), ("1", "2"), ("0", "1", "2")])
@pytest.mark.parametrize("prefix", ["", "speculator."])
def test_tied_files_may_hold_any_of_the_aliases(
    tmp_path: Path, kept: tuple[str, ...], prefix: str
) -> None:
    config = CONFIGS["tied"]
    weights = random_mlp(config)
    save_mlp_speculator(tmp_path, weights, config)
    named = {
        prefix + name: tensor
        for name, tensor in every_alias(weights).items()
        if name == "proj.0.weight" or name.split(".")[1] in kept
    }
    save_file(named, tmp_path / "model.safetensors")

    found, _ = load_mlp_speculator(tmp_path)

    check_equal(found, weights)


def test_shards_and_pickles_are_read_alike(tmp_path: Path) -> None:
    config = CONFIGS["untied"]
    weights = random_mlp(config)
    named = every_alias(weights)
    halves = [dict(list(named.items())[::2]), dict(list(named.items())[1::2])]
    for kind, suffix in (("model", "safetensors"), ("pytorch_model", "bin")):
        folder = tmp_path / kind
        save_mlp_speculator(folder, weights, config)
        (folder / "model.safetensors").unlink()
        shards = {f"{kind}-{number}-of-2.{suffix}": half for number, half in enumerate(halves)}
        for file, half in shards.items():
            save_file(half, folder / file) if suffix != "bin" else torch.save(half, folder / file)
        index = {"weight_map": {name: file for file, half in shards.items() for name in half}}
        (folder / f"{kind}.{suffix}.index.json").write_text(json.dumps(index))

        found, _ = load_mlp_speculator(folder)

        check_equal(found, weights)


def test_config_goes_by_either_name_of_the_width(tmp_path: Path) -> None:
    config = mlp_config(inner_dim=12)
    save_mlp_speculator(tmp_path, random_mlp(config), config)
    change_config(tmp_path, emb_dim=None, hidden_size=12, inner_dim=0)

    assert load_mlp_speculator(tmp_path)[1] == config


Changes = dict[str, Any]


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"n_predict": 4}, "names 3 stages, n_predict is 4"),
        ({"emb_dim": 16}, r"proj.0.weight has shape \[8, 12\], \[8, 16\] was expected"),
        ({"vocab_size": 40}, r"emb.0.weight has shape \[31, 8\], \[40, 8\] was expected"),
        ({"vocab_size": None}, "lacks or garbles a field: KeyError"),
        ({"n_candidates": 0}, "a size below 1"),
        ({"tie_weights": True}, "ties the stages, but emb.1.weight differs from emb.0.weight"),
        ({"n_predict": 2, "top_k_tokens_per_head": [2, 2]}, "holds 5 tensors that have no place"),
    ],
)
def test_a_config_that_contradicts_its_tensors_is_refused(
    tmp_path: Path, changes: Changes, reason: str
) -> None:
    config = CONFIGS["untied"]
    save_mlp_speculator(tmp_path, random_mlp(config), config)
    change_config(tmp_path, **changes)

    with pytest.raises(ModelLoadError, match=reason):
        load_mlp_speculator(tmp_path)


def test_an_untied_file_needs_every_stage(tmp_path: Path) -> None:
    config = CONFIGS["tied"]
    save_mlp_speculator(tmp_path, random_mlp(config), config)
    change_config(tmp_path, tie_weights=False)

    with pytest.raises(ModelLoadError, match=r"lacks the tensor emb\.1\.weight"):
        load_mlp_speculator(tmp_path)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_file_cut_short_is_refused(tmp_path: Path, file: str) -> None:
    config: MlpConfig = CONFIGS["untied"]
    weights = random_mlp(config)
    save_mlp_speculator(tmp_path, weights, config)
    if file.endswith(".bin"):
        (tmp_path / "model.safetensors").unlink()
        torch.save(every_alias(weights), tmp_path / file)
    whole = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ModelLoadError, match=rf"{file}: is not a whole"):
        load_mlp_speculator(tmp_path)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    config = CONFIGS["untied"]
    save_mlp_speculator(tmp_path, random_mlp(config), config)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"emb.0.weight": replace(config)}, tmp_path / "pytorch_model.bin")

    with pytest.raises(ModelLoadError, match="is not a whole file of tensors"):
        load_mlp_speculator(tmp_path)


def test_a_folder_without_weights_says_what_it_lacks(tmp_path: Path) -> None:
    config = CONFIGS["untied"]
    save_mlp_speculator(tmp_path, random_mlp(config), config)
    (tmp_path / "model.safetensors").unlink()

    with pytest.raises(ModelLoadError, match=r"holds none of model.safetensors, .*"):
        load_mlp_speculator(tmp_path)
