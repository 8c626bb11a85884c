import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from inference.model.rope import FIRST_LEN, RotaryTable, read_rope
from tests.inference.model.shapes import LLAMA3, SHAPE, YARN


def test_angles_are_those_of_transformers_and_grow_with_the_context() -> None:
    for rotary in (LLAMA3, YARN):
        shape = SHAPE | {"max_position_embeddings": 3 * FIRST_LEN, "rope_parameters": dict(rotary)}
        rope = read_rope(LlamaConfig(**shape).to_dict(), 16)
        assert rope is not None
        table = RotaryTable(rope, torch.float32, torch.device("cpu"))
        assert table.cos.shape == (FIRST_LEN, 8)

        table.cover(FIRST_LEN + 1)
        cos, sin = table.at(positions := torch.tensor([0, 7, FIRST_LEN]))
        table.cover(3 * FIRST_LEN)

        assert table.cos.shape == (3 * FIRST_LEN, 8)
        theirs = LlamaRotaryEmbedding(LlamaConfig(**shape))(torch.zeros(1), positions[None])
        for ours, expected in zip((cos, sin), theirs, strict=True):
            torch.testing.assert_close(ours, expected[0, :, :8], atol=0, rtol=0)
