"""The size of the tiny models, and one example of every rotary scaling."""

from typing import Any

from tests.inference.model.parity import VOCAB

SHAPE: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "max_position_embeddings": 256,
    "eos_token_id": 96,
}
LLAMA3: dict[str, Any] = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN: dict[str, Any] = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LINEAR: dict[str, Any] = {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0}
DYNAMIC: dict[str, Any] = {"rope_type": "dynamic", "factor": 2.0}
LONG: dict[str, Any] = {
    "rope_type": "longrope", "original_max_position_embeddings": 128, "factor": 2.0,
    "short_factor": [1.0 + 0.1 * i for i in range(8)], "long_factor": [4.0] * 8,
}  # fmt: skip
