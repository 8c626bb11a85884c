import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from inference import Engine, EngineConfig, InvalidConfig, ModelLoadError, SamplingParams


def config(folder: Path) -> EngineConfig:
    return EngineConfig(model=str(folder), device="cpu", dtype="float32", num_blocks=64)


@pytest.mark.parametrize("tied", [True, False])
def test_greedy_tokens_and_logprobs_are_those_of_transformers(tmp_path: Path, tied: bool) -> None:
    torch.manual_seed(1)
    shape = LlamaConfig(
        vocab_size=97,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=256,
        initializer_range=0.3,
        tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        eos_token_id=96,
    )
    theirs = LlamaForCausalLM(shape).train(False)
    theirs.save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    prompts = [[(7 * i) % 96 for i in range(length)] for length in (1, 16, 17, 50)]
    engine = Engine(config(tmp_path))

    outputs = engine.generate(prompts, SamplingParams(max_tokens=24, ignore_eos=True, logprobs=0))

    for prompt, out in zip(prompts, outputs, strict=True):
        ids = torch.tensor([[*prompt, *out.token_ids]])
        with torch.no_grad():
            logprobs = theirs(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        assert logprobs.argmax(-1).tolist() == list(out.token_ids)
        expected = logprobs[range(24), list(out.token_ids)]
        ours = torch.tensor([one.logprob for one in out.logprobs])
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)  # float32 sums in other order
    engine.close()


def test_bfloat16_stays_near_float32(tiny_target: Path) -> None:
    first = SamplingParams(max_tokens=1, logprobs=20)
    prompt = ["Hello, where is my order?"]
    tops = []
    for dtype in ("bfloat16", "float32"):
        engine = Engine(EngineConfig(model=str(tiny_target), device="cpu", dtype=dtype))
        tops.append(engine.generate(prompt, first)[0].logprobs[0].top)
        engine.close()

    rough, exact = tops
    shared = rough.keys() & exact.keys()
    assert len(shared) >= 15
    # Two layers of 8-bit mantissas on logits of size 10.
    assert all(abs(rough[one] - exact[one]) < 0.5 for one in shared)


def damaged(tiny_target: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_target, tmp_path / "damaged"))


def test_missing_and_damaged_checkpoints_are_clear_errors(
    tiny_target: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelLoadError, match="neither a folder nor a hub id"):
        Engine(config(tmp_path / "nowhere"))

    folder = damaged(tiny_target, tmp_path)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelLoadError, match="not a whole safetensors file"):
        Engine(config(folder))
    weights.unlink()
    with pytest.raises(ModelLoadError, match=r"holds no model\.safetensors"):
        Engine(config(folder))
    weights.write_bytes(whole)

    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(raw | {"intermediate_size": 128}))
    with pytest.raises(ModelLoadError, match=r"has shape \[96, 64\], config.json says \[128, 64\]"):
        Engine(config(folder))
    (folder / "config.json").write_text(json.dumps(raw | {"architectures": ["MambaForCausalLM"]}))
    with pytest.raises(ModelLoadError, match="MambaForCausalLM is not supported"):
        Engine(config(folder))
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelLoadError, match=r"config\.json: cannot be read"):
        Engine(config(folder))


def test_settings_are_checked_at_birth() -> None:
    with pytest.raises(InvalidConfig, match="num_blocks: 0 is outside"):
        EngineConfig(model="x", num_blocks=0)
    with pytest.raises(InvalidConfig, match="speculator: 'crystal-ball' is not known"):
        EngineConfig(model="x", speculator="crystal-ball")
    with pytest.raises(InvalidConfig, match="dtype: 'float8' is none of"):
        EngineConfig(model="x", dtype="float8")
