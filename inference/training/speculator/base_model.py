"""The frozen base model: token ids in, the states that a speculator starts from out."""

from pathlib import Path
from typing import cast

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from inference.training.errors import DataMissing
from inference.training.speculator.layouts import layout_of


class BaseModel:
    """A causal LM of transformers and the layout of its prompts, never trained.

    Raises:
        DataMissing: the folder holds no model or no tokenizer.
        ModelLoadError: its tokenizer is broken.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        for name in ("config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise DataMissing(f"{folder / name} is not there; point --base at a model's folder")
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.folder, self.device = folder, device
        model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self._model = cast(PreTrainedModel, model.to(device).requires_grad_(False).train(False))
        self.layout = layout_of(folder, self.vocab_size)

    @property
    def hidden_size(self) -> int:
        return int(self.head_weight.shape[1])

    @property
    def vocab_size(self) -> int:
        return int(self.head_weight.shape[0])

    @property
    def max_positions(self) -> int:
        return int(self._model.config.max_position_embeddings)

    @property
    def head_weight(self) -> torch.Tensor:  # [V, W]
        weight = self._model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
        assert isinstance(weight, torch.Tensor)
        return weight

    @property
    def embedding_weight(self) -> torch.Tensor:  # [V, W]
        weight = self._model.get_input_embeddings().weight
        assert isinstance(weight, torch.Tensor)
        return weight

    @torch.no_grad()
    def states(self, ids: torch.Tensor) -> torch.Tensor:  # [B, T] -> [B, T, W]
        """States after the final norm, float32; rows are causal, so padding goes to the right."""
        output = self._model.base_model(input_ids=ids, use_cache=False)
        states: torch.Tensor = output.last_hidden_state
        return states.float()
