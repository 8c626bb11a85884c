"""The engine and stock transformers say the same with the shipped model, token for token.

Also with each of the speculators that are shipped for it.
"""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference import ChatMessage, Engine, EngineConfig, SamplingParams

SHIPPED = Path(__file__).parents[3] / "inference" / "weights" / "careline-small"
NUM_TOKENS = 24
PASSAGES = "[1] Orders: They leave us within 2 days.\n[2] Gifts: We wrap them."


@pytest.mark.parametrize("question", ["hello", "when does order 4711 leave you ?", "Thanks, bye!"])
def test_greedy_tokens_are_those_of_transformers(question: str) -> None:
    messages = [
        ChatMessage("system", "You are the customer care assistant of Rowan Market."),
        ChatMessage("passages", PASSAGES),
        ChatMessage("user", question),
    ]
    model: Any = AutoModelForCausalLM.from_pretrained(SHIPPED, dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(SHIPPED).apply_chat_template(
        [{"role": one.role, "content": one.text} for one in messages],
        add_generation_prompt=True,
        return_dict=False,
    )
    theirs = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=NUM_TOKENS
    )[0, len(ids) :].tolist()

    params = SamplingParams(max_tokens=NUM_TOKENS, temperature=0.0)
    for speculator in ((), (str(SHIPPED) + "-mlp",), (str(SHIPPED) + "-draft",)):
        config = EngineConfig(
            model=str(SHIPPED), speculator=speculator, dtype="float32", num_blocks=64
        )
        with contextlib.closing(Engine(config)) as engine:
            (output,) = engine.generate([messages], params)
            assert list(output.token_ids) == theirs
            assert (engine.stats()["num_drafted_tokens"] > 0) == bool(speculator)
    assert len(theirs) >= 4
