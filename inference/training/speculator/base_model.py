"""The frozen base model: token ids in, the states that a speculator starts from out."""

from pathlib import Path
from typing import cast

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedModel

from inference.training.errors import BaseUnsuitable, DataMissing
from inference.training.layout import SPECIAL_TOKENS, Role


class BaseModel:
    """A causal LM of transformers with its tokenizer, never trained.

    Raises:
        DataMissing: the folder holds no model or no tokenizer.
        BaseUnsuitable: its tokenizer has not the chat markers of the product's layout.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        for name in ("config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise DataMissing(f"{folder / name} is not there; point --base at a model's folder")
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.folder, self.device = folder, device
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        _require_markers(self.tokenizer)
        model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self._model = cast(PreTrainedModel, model.to(device).requires_grad_(False).train(False))

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


def _require_markers(tokenizer: Tokenizer) -> None:
    for role in Role:
        marker = SPECIAL_TOKENS[role.value]
        found = tokenizer.token_to_id(marker)
        if found != role.value:
            raise BaseUnsuitable(
                f"the base's tokenizer has {marker} at id {found}, the chat layout needs it at "
                f"{role.value}; train on a model that `python -m inference.training` made"
            )
