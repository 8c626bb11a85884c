import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import ModelLoadError
from inference.speculation import medusa
from inference.speculation.base import Draft, Features
from inference.speculation.medusa_choices import DEFAULT_CHOICES
from inference.speculation.medusa_format import (
    FILES,
    MedusaConfig,
    MedusaWeights,
    load_medusa,
    save_medusa,
)
from tests.inference.speculation.heads import (
    VOCAB,
    WIDTH,
    drawn,
    facts,
    paths_of,
    random_medusa,
    request,
)

CONFIG = MedusaConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_heads=5, num_layers=1)
DEEP = MedusaConfig(
    vocab_size=VOCAB, hidden_size=WIDTH, num_heads=3, num_layers=2,
    choices=((0,), (1,), (4,), (0, 0), (0, 1), (4, 2), (0, 0, 3), (4, 2, 0)),
)  # fmt: skip
TOKENS = [3, 7, 30]
NodeProbs = dict[tuple[int, ...], float]


def expected_nodes(
    weights: MedusaWeights, choices: tuple[tuple[int, ...], ...], hidden: torch.Tensor
) -> NodeProbs:
    """Every path of the tree as tokens, with its last token's probability, as Medusa computes."""
    ranked = []
    for head in weights.heads:
        x = hidden
        for block in head.blocks:
            y = block.weight @ x + (0.0 if block.bias is None else block.bias)
            x = x + y * torch.sigmoid(y)
        ranked.append((head.output @ x).softmax(-1).sort(descending=True))
    ids = range(VOCAB) if weights.token_map is None else weights.token_map.tolist()
    return {
        tuple(ids[int(ranked[h].indices[rank])] for h, rank in enumerate(path)): float(
            ranked[len(path) - 1].values[path[-1]]
        )
        for path in choices
        if len(path) <= len(ranked)
    }


def draft_of(folder: Path, hidden: torch.Tensor, room: int = 63, **changes: Any) -> Draft:
    speculator = medusa.load(folder, facts(**changes))
    # Two requests, so that rows could be mixed up.
    outcomes = [drawn("other", TOKENS, 0), drawn("one", TOKENS, 1)]
    speculator.observe(outcomes, Features(torch.stack([-hidden, hidden]), None))
    asked = [request("one", TOKENS, room), request("none", TOKENS, room)]
    drafts = speculator.propose([*asked, request("other", TOKENS, 1)])
    assert [len(one) for one in drafts[1:]] == [0, 1]
    return drafts[0]


def as_original(folder: Path) -> None:
    """As it is saved."""


def with_prefix(folder: Path) -> None:
    path = folder / FILES[0]
    named = {f"medusa_head.{name}": tensor for name, tensor in load_file(path).items()}
    save_file(named, path)


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / FILES[0]), folder / FILES[1])
    (folder / FILES[0]).unlink()


def without_a_true_config(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"medusa_num_heads": 2, "medusa_num_layers": 7}))


def as_vllm(folder: Path) -> None:
    named = load_file(folder / FILES[0])
    (folder / FILES[0]).unlink()
    renamed = {}
    for name, tensor in named.items():
        head, place, *rest = name.split(".")
        if rest[0] == "linear":
            renamed[f"blocks.{head}.layers.{place}.{rest[1]}"] = tensor
        else:
            renamed[f"lm_heads.{head}.weight"] = tensor
    save_file(renamed, folder / "model.safetensors")
    raw = json.loads((folder / "config.json").read_text())
    shape = {"model_type": "medusa", "num_heads": len(named), "vocab_size": VOCAB}
    (folder / "config.json").write_text(
        json.dumps(shape | {"medusa_choices": raw["medusa_choices"]})
    )


@pytest.mark.parametrize("config", [CONFIG, DEEP], ids=["five heads", "two layers"])
@pytest.mark.parametrize("change", [as_original, with_prefix, as_pickle, as_vllm])
def test_every_layout_gives_the_published_tree(
    tmp_path: Path, config: MedusaConfig, change: Callable[[Path], None]
) -> None:
    weights = random_medusa(config)
    save_medusa(tmp_path, weights, config)
    change(tmp_path)
    hidden = torch.randn(WIDTH, dtype=torch.float64)

    assert medusa.matches(tmp_path, json.loads((tmp_path / "config.json").read_text()))
    draft = draft_of(tmp_path, hidden)

    expected = expected_nodes(weights, config.choices, hidden)
    assert paths_of(draft) == pytest.approx(expected, abs=1e-12)


def test_heads_are_counted_not_believed(tmp_path: Path) -> None:
    save_medusa(tmp_path, random_medusa(CONFIG), CONFIG)
    without_a_true_config(tmp_path)

    weights, config = load_medusa(tmp_path)

    assert (len(weights.heads), config.num_heads, config.num_layers) == (5, 5, 1)
    assert config.choices == DEFAULT_CHOICES


def test_fewer_heads_than_levels_draft_the_upper_levels(tmp_path: Path) -> None:
    config = MedusaConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_heads=2, num_layers=1)
    weights = random_medusa(config)
    save_medusa(tmp_path, weights, config)
    hidden = torch.randn(WIDTH, dtype=torch.float64)

    draft = draft_of(tmp_path, hidden)

    assert paths_of(draft) == pytest.approx(expected_nodes(weights, DEFAULT_CHOICES, hidden))
    assert max(map(len, paths_of(draft))) == 2


def test_a_small_room_takes_the_likeliest_nodes(tmp_path: Path) -> None:
    weights = random_medusa(CONFIG)
    save_medusa(tmp_path, weights, CONFIG)
    hidden = torch.randn(WIDTH, dtype=torch.float64)
    nodes = expected_nodes(weights, DEFAULT_CHOICES, hidden)
    totals = {path: prod(nodes[path[: depth + 1]] for depth in range(len(path))) for path in nodes}

    draft = draft_of(tmp_path, hidden, room=6)

    best = sorted(totals, key=totals.__getitem__, reverse=True)[:6]
    assert set(paths_of(draft)) == set(best)


def test_one_block_that_the_original_repeats_may_stand_once(tmp_path: Path) -> None:
    save_medusa(tmp_path, random_medusa(DEEP), DEEP)
    path = tmp_path / FILES[0]
    named = {name: one for name, one in load_file(path).items() if ".1.linear" not in name}
    save_file(named, path)

    weights, config = load_medusa(tmp_path)

    assert config.num_layers == 2
    assert all(head.blocks[0] is head.blocks[1] for head in weights.heads)


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("is_cut", [True, False])
def test_a_map_of_tokens_gives_the_targets_ids(
    tmp_path: Path, is_shared: bool, is_cut: bool
) -> None:
    full = random_medusa(DEEP)
    save_medusa(tmp_path, full, DEEP)
    as_vllm(tmp_path)
    token_map = torch.tensor([2, 3, 5, 7, 11, 13, 17, 19, 23, 29])
    named = load_file(tmp_path / "model.safetensors")
    for name in [one for one in named if one.startswith("lm_heads.")]:
        if is_shared and name != "lm_heads.0.weight":
            del named[name]
        elif is_cut:  # else the file holds the whole head, and the map picks its rows
            named[name] = named[name][token_map].contiguous()
    save_file(named | {"token_map": token_map}, tmp_path / "model.safetensors")
    hidden = torch.randn(WIDTH, dtype=torch.float64)

    draft = draft_of(tmp_path, hidden)

    weights, _ = load_medusa(tmp_path)
    assert [head.output.shape[0] for head in weights.heads] == [10, 10, 10]
    assert paths_of(draft) == pytest.approx(expected_nodes(weights, DEEP.choices, hidden))
    assert set(draft.token_ids) <= set(token_map.tolist())


def test_heads_of_another_target_are_refused_with_both_numbers(tmp_path: Path) -> None:
    save_medusa(tmp_path, random_medusa(CONFIG), CONFIG)

    with pytest.raises(ModelLoadError, match="states of width 12, the target's is 16"):
        medusa.load(tmp_path, facts(hidden_size=16))
    with pytest.raises(ModelLoadError, match=f"size {VOCAB}, the target's is 266"):
        medusa.load(tmp_path, facts(vocab_size=266))


@pytest.mark.parametrize(
    "names, reason",
    [
        (["1."], r"holds the Medusa heads \[0, 2, 3, 4\], not 0, 1, …"),
        (["2.0.linear.weight"], r"lacks the tensor 2\.0\.linear\.weight"),
        (["0.", "1.", "2.", "3.", "4."], r"holds the Medusa heads \[\]"),
    ],
)
def test_files_with_holes_are_refused(tmp_path: Path, names: list[str], reason: str) -> None:
    save_medusa(tmp_path, random_medusa(CONFIG), CONFIG)
    path = tmp_path / FILES[0]
    kept = {name: one for name, one in load_file(path).items() if not name.startswith(tuple(names))}
    save_file(kept or {"stray": torch.zeros(1)}, path)

    with pytest.raises(ModelLoadError, match=reason):
        load_medusa(tmp_path)


@pytest.mark.parametrize("choices", [[[0], [1, 0]], [[]], [["x"]], [[-1]], [], 7])
def test_a_tree_that_hangs_in_the_air_is_refused(tmp_path: Path, choices: Any) -> None:
    save_medusa(tmp_path, random_medusa(CONFIG), CONFIG)
    raw = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(raw | {"medusa_choices": choices}))

    with pytest.raises(ModelLoadError, match="medusa_choices"):
        load_medusa(tmp_path)


def test_a_pickle_cut_short_is_refused(tmp_path: Path) -> None:
    save_medusa(tmp_path, random_medusa(CONFIG), CONFIG)
    as_pickle(tmp_path)
    whole = (tmp_path / FILES[1]).read_bytes()
    (tmp_path / FILES[1]).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ModelLoadError, match=r"medusa_lm_head\.pt: is not a whole file of tensors"):
        load_medusa(tmp_path)
