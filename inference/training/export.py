"""Writing a trained model as stock transformers reads it: a Llama folder with tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from inference.training.layout import CHAT_TEMPLATE, END_ID, PAD_ID, SPECIAL_TOKENS
from inference.training.model import HEAD_DIM, MAX_POSITIONS, ModelShape

GENERATION: Final = {
    "bos_token_id": None,
    "eos_token_id": END_ID,
    "pad_token_id": PAD_ID,
    "do_sample": False,
    "max_new_tokens": 160,
}
TOKENIZER_CONFIG: Final = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": None,
    "eos_token": SPECIAL_TOKENS[END_ID],
    "pad_token": SPECIAL_TOKENS[PAD_ID],
    "unk_token": None,
    "clean_up_tokenization_spaces": False,
    "add_bos_token": False,
    "model_max_length": MAX_POSITIONS,
    "chat_template": CHAT_TEMPLATE,
}


def export(
    shape: ModelShape, state: dict[str, torch.Tensor], tokenizer: Tokenizer, folder: Path
) -> None:
    """Write config, bfloat16 weights, tokenizer and chat template into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.to(torch.bfloat16) for name, value in hf_tensors(shape, state).items()}
    weights = folder / "model.safetensors"
    save_file(tensors, weights, metadata={"format": "pt"})
    weights.chmod(0o644)  # save_file leaves it readable by its owner alone
    tokenizer.encode_special_tokens = False
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "config.json", shape.hf_config())
    _write(folder / "generation_config.json", GENERATION)
    _write(folder / "tokenizer_config.json", TOKENIZER_CONFIG)


def hf_tensors(shape: ModelShape, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights under transformers' names, fused projections taken apart."""
    tensors = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "model.norm.weight": state["final_norm"],
    }
    query, key = shape.num_heads * HEAD_DIM, shape.num_kv_heads * HEAD_DIM
    for layer in range(shape.num_layers):
        old, new = f"blocks.{layer}.", f"model.layers.{layer}."
        q, k, v = torch.split(state[f"{old}qkv.weight"], [query, key, key])
        gate, up = state[f"{old}gate_up.weight"].chunk(2)
        tensors |= {
            f"{new}self_attn.q_proj.weight": q,
            f"{new}self_attn.k_proj.weight": k,
            f"{new}self_attn.v_proj.weight": v,
            f"{new}self_attn.o_proj.weight": state[f"{old}attention_out.weight"],
            f"{new}mlp.gate_proj.weight": gate,
            f"{new}mlp.up_proj.weight": up,
            f"{new}mlp.down_proj.weight": state[f"{old}ffn_out.weight"],
            f"{new}input_layernorm.weight": state[f"{old}attention_norm"],
            f"{new}post_attention_layernorm.weight": state[f"{old}ffn_norm"],
        }
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
