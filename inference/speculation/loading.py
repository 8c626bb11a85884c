"""A speculator by its name, or by a folder that says what it holds."""

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from inference.config import NGRAM, SUFFIX
from inference.errors import InvalidConfig, ModelLoadError
from inference.model.weights import find_checkpoint
from inference.speculation.base import Speculator, TargetFacts
from inference.speculation.corpora import Corpora
from inference.speculation.ngram import NgramSpeculator
from inference.speculation.suffix import SuffixSpeculator

# Whoever matches first has the folder; any causal language model can draft, so that one comes last.
KINDS = ("mlp", "medusa", "eagle", "draft_model")
WEIGHT_FILES = ("*.json", "*.safetensors", "*.bin", "*.pt", "tokenizer.model")


class _Kind(Protocol):
    """What each module of a kind offers."""

    def matches(self, folder: Path, config: Mapping[str, Any]) -> bool: ...

    def load(self, folder: Path, facts: TargetFacts) -> Speculator: ...


def load_speculators(
    names: Sequence[str], facts: TargetFacts, corpora: Corpora
) -> list[Speculator]:
    """The speculators of a configuration, in its order.

    Raises:
        InvalidConfig: two of them are of the same kind.
        ModelLoadError: as `load_speculator`.
    """
    loaded: dict[str, Speculator] = {}
    for name in names:
        speculator = load_speculator(name, facts, corpora)
        if speculator.name in loaded:
            raise InvalidConfig(
                f"speculator: {name!r} is a second one of kind {speculator.name!r}; "
                "one of each kind can draft"
            )
        loaded[speculator.name] = speculator
    return list(loaded.values())


def load_speculator(name_or_folder: str, facts: TargetFacts, corpora: Corpora) -> Speculator:
    """ "ngram", "suffix", or what a folder or hub id holds; see `KINDS`.

    Raises:
        ModelLoadError: there is no such folder, it is none of the kinds, or it was made for another
            width or vocabulary than the target's.
    """
    if name_or_folder == NGRAM:
        return NgramSpeculator()
    if name_or_folder == SUFFIX:
        return SuffixSpeculator(corpora)
    folder = find_checkpoint(name_or_folder, WEIGHT_FILES)
    config = _read_config(folder)
    for name in KINDS:
        # Loaded only now: each brings its own model code, and most engines need one of them.
        kind: _Kind = importlib.import_module(f"inference.speculation.{name}")
        if kind.matches(folder, config):
            return kind.load(folder, facts)
    raise ModelLoadError(
        folder,
        "holds no speculator: neither an MLP speculator, Medusa or EAGLE heads, "
        "nor a causal language model",
    )


def _read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json; empty where there is none, as beside some published heads."""
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(path, f"cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise ModelLoadError(path, f"holds a {type(config).__name__}, not an object")
    return config
