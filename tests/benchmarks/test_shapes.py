"""Random checkpoints of known shapes: the engine and transformers both open them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPTBigCodeConfig

from benchmarks import shapes
from inference import Engine, EngineConfig, SamplingParams

SMALL_GRANITE: dict[str, Any] = {
    "vocab_size": 96,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_inner": 64,
}


@pytest.mark.parametrize("name", ["tiny", "granite-20b"])
def test_both_open_it_and_say_the_same(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = GPTBigCodeConfig(**SMALL_GRANITE, n_positions=64, multi_query=True)
    monkeypatch.setitem(shapes.SHAPES, "granite-20b", lambda: small)
    monkeypatch.setattr(shapes, "SHARD_BYTES", 20_000)

    size = shapes.save_shape(name, tmp_path)

    files = list(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    assert 0 < size < sum(path.stat().st_size for path in files)
    prompt = [5, 6, 7, 8, 9]
    one = Engine(EngineConfig(model=str(tmp_path), device="cpu", dtype="float32"))
    params = SamplingParams(max_tokens=6, ignore_eos=True)
    ours = one.generate([prompt], params)[0].token_ids
    one.close()
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    out = theirs.generate(torch.tensor([prompt]), max_new_tokens=6, do_sample=False, pad_token_id=0)
    assert tuple(out[0, len(prompt) :].tolist()) == ours


def test_the_real_shapes_have_the_real_sizes() -> None:
    sizes = {}
    for name in ("llama-3-8b", "granite-20b"):
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(shapes.SHAPES[name]())  # type: ignore[no-untyped-call]
        sizes[name] = sum(one.numel() for one in model.parameters()) / 1e9
    assert sizes["llama-3-8b"] == pytest.approx(8.03, abs=0.01)
    assert sizes["granite-20b"] == pytest.approx(20.07, abs=0.01)
