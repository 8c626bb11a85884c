import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from inference import ModelLoadError
from inference.model.loading import load_model

STATE = "which can be neither shared between requests nor rolled back"
MORE = f"its linear_attention layers keep more than keys and values, {STATE}"
SENTENCES = {
    "MambaForCausalLM": MORE,
    "RwkvForCausalLM": f"it keeps a running state in place of keys and values, {STATE}",
    "JambaForCausalLM": MORE,
    "GraniteMoeHybridForCausalLM": MORE,
    "T5ForConditionalGeneration": "it is an encoder-decoder; only decoders are run",
    "BertForMaskedLM": "it does not continue text; only causal language models are run",
    "LlamaForSequenceClassification": "it does not continue text",
    "Gemma3ForConditionalGeneration": "it is multimodal; only decoders of text are run",
    "WhatForCausalLM": "transformers .* has no such architecture, and code .* is never run",
}


@pytest.mark.parametrize("architecture", SENTENCES)
def test_kinds_that_cannot_be_served_are_told_in_a_sentence(
    architecture: str, tmp_path: Path
) -> None:
    raw: dict[str, Any] = {"model_type": "what"}
    if hasattr(transformers, architecture):
        raw = getattr(transformers, architecture).config_class().to_dict()
    (tmp_path / "config.json").write_text(json.dumps({**raw, "architectures": [architecture]}))

    with pytest.raises(
        ModelLoadError, match=f"{architecture} is not supported: {SENTENCES[architecture]}"
    ):
        load_model(tmp_path, torch.float32, torch.device("cpu"))


def test_an_architecture_under_another_name_is_refused(tmp_path: Path) -> None:
    raw = transformers.GemmaConfig().to_dict() | {"architectures": ["PhiForCausalLM"]}
    (tmp_path / "config.json").write_text(json.dumps(raw))

    with pytest.raises(ModelLoadError, match="its model_type says 'gemma'"):
        load_model(tmp_path, torch.float32, torch.device("cpu"))
