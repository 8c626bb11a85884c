"""Names and folders to speculators: each kind is known by its files, whatever is wrong is told."""

import json
from pathlib import Path

import pytest

from inference import EngineConfig, InvalidConfig, ModelLoadError
from inference.speculation.corpora import Corpora
from inference.speculation.loading import load_speculator, load_speculators
from inference.speculation.medusa_format import MedusaConfig, save_medusa
from inference.speculation.mlp_format import save_mlp_speculator
from tests.inference.speculation.heads import VOCAB, WIDTH, facts, mlp_config
from tests.inference.speculation.heads import random_medusa as medusa
from tests.inference.speculation.heads import random_mlp as mlp
from tests.tiny_models import save_tiny_llama

CORPORA = Corpora(100)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("speculators")
    save_mlp_speculator(root / "mlp", mlp(mlp_config()), mlp_config())
    heads = MedusaConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_heads=2, num_layers=1)
    save_medusa(root / "medusa", medusa(heads), heads)
    save_tiny_llama(root / "draft_model")
    return {name: root / name for name in ("mlp", "medusa", "draft_model")}


@pytest.mark.parametrize("name", ["ngram", "suffix"])
def test_some_need_no_files(name: str) -> None:
    assert load_speculator(name, facts(), CORPORA).name == name


@pytest.mark.parametrize("kind", ["mlp", "medusa", "draft_model"])
def test_a_folder_says_what_it_holds(folders: dict[str, Path], kind: str) -> None:
    target = facts(vocab_size=266, hidden_size=64) if kind == "draft_model" else facts()

    assert load_speculator(str(folders[kind]), target, CORPORA).name == kind


def test_a_list_keeps_its_order_and_takes_one_of_each_kind(folders: dict[str, Path]) -> None:
    names = [str(folders["mlp"]), "ngram", str(folders["medusa"])]

    loaded = load_speculators(names, facts(), CORPORA)

    assert [one.name for one in loaded] == ["mlp", "ngram", "medusa"]
    with pytest.raises(InvalidConfig, match="is a second one of kind 'mlp'"):
        load_speculators([*names, str(folders["mlp"])], facts(), CORPORA)


def test_another_vocabulary_is_refused_with_both_numbers(folders: dict[str, Path]) -> None:
    for name in ("mlp", "medusa"):
        with pytest.raises(ModelLoadError, match=r"31.*\b77\b|\b77\b.*31"):
            load_speculator(str(folders[name]), facts(vocab_size=77), CORPORA)
    with pytest.raises(ModelLoadError, match=r"266.*\b999\b"):
        load_speculator(str(folders["draft_model"]), facts(vocab_size=999), CORPORA)


def test_a_folder_that_holds_nothing_of_use_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="holds no speculator"):
        load_speculator(str(tmp_path), facts(), CORPORA)
    (tmp_path / "config.json").write_text("[1")
    with pytest.raises(ModelLoadError, match=r"config\.json: cannot be read"):
        load_speculator(str(tmp_path), facts(), CORPORA)
    (tmp_path / "config.json").write_text(json.dumps([1]))
    with pytest.raises(ModelLoadError, match="holds a list, not an object"):
        load_speculator(str(tmp_path), facts(), CORPORA)
    with pytest.raises(ModelLoadError, match="neither a folder nor a hub id"):
        load_speculator(str(tmp_path / "absent"), facts(), CORPORA)


def test_the_engine_takes_names_folders_and_hub_ids(folders: dict[str, Path]) -> None:
    given = ("suffix", str(folders["mlp"]), "owner/heads")

    assert EngineConfig(model="x", speculator=given).speculators == given
    with pytest.raises(InvalidConfig, match="known: ngram, suffix, a folder, or a hub id"):
        EngineConfig(model="x", speculator=["ngram", "heads"])
