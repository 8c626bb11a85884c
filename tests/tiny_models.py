"""Tiny random checkpoints in Hugging Face layout, for tests of the engine on a CPU."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaConfig,
    RobertaModel,
)

MARKERS = [
    "<|end|>", "<|pad|>", "<|system|>", "<|customer|>", "<|assistant|>", "<|passages|>",
    "<|agent|>", "<|task|>", "<|quote|>", "<|/quote|>",
]  # fmt: skip


def save_tiny_llama(
    folder: Path,
    seed: int = 0,
    max_positions: int = 512,
    num_layers: int = 2,
    vocab_padding: int = 0,
) -> Path:
    """Some layers, 64 wide, grouped-query heads, a vocabulary of bytes and chat markers.

    Weights are drawn wide, so that the best two logits are rarely close.
    """
    tokenizer = byte_tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size() + vocab_padding,
        hidden_size=64,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=max_positions,
        initializer_range=0.3,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"})
    )
    return folder


def byte_tokenizer() -> Tokenizer:
    """Byte-level without merges: one token a byte, chat markers in front."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*MARKERS, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(marker, special=True) for marker in MARKERS])
    return tokenizer


def save_tiny_bert(folder: Path, kind: str = "bert", pooling: str = "mean") -> Path:
    """An encoder of two layers, 32 wide, 24 positions, over a dozen words."""
    words = "[UNK] [PAD] [CLS] [SEP] how can i return a tent ship it back ? where is my order"
    places = {word: i for i, word in enumerate(words.split())}
    tokenizer = Tokenizer(models.WordLevel(places, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(3)
    shape: dict[str, Any] = {
        "vocab_size": len(places),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 24,
        "initializer_range": 0.5,
    }
    if kind == "bert":
        model: torch.nn.Module = BertModel(BertConfig(**shape))
    else:
        model = RobertaModel(RobertaConfig(**shape, pad_token_id=1))
    model.save_pretrained(folder)  # type: ignore[operator]  # both of them have it
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{one}_tokens": one == pooling for one in ("mean", "max")}
    modes["pooling_mode_cls_token"] = pooling == "cls"
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    return folder
