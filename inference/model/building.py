"""How a decoder's products are made: with which bytes, and which share of them is here."""

from dataclasses import dataclass
from pathlib import Path

import torch

from inference.model.config import DecoderConfig
from inference.model.families import WeightNames
from inference.model.layers import Linear
from inference.model.parallel import Share, SharedTensors
from inference.model.quantized import QuantizedLinear, quantize
from inference.model.weights import Tensors


@dataclass(frozen=True)
class Build:
    """What is not the checkpoint's but the engine's to say."""

    quantization: str | None = None
    """"int8" or "fp8": what weights of products are kept in."""
    share: Share | None = None
    """None: the whole model is here."""

    def config(self, whole: DecoderConfig) -> DecoderConfig:
        """The sizes of what is here.

        Raises:
            InvalidConfig: the model cannot be divided so.
        """
        return whole if self.share is None else self.share.config(whole)

    def tensors(
        self,
        folder: Path,
        whole: DecoderConfig,
        names: WeightNames,
        dtype: torch.dtype,
        device: torch.device,
    ) -> Tensors:
        """The checkpoint's tensors, each as far as it is here."""
        if self.share is None:
            return Tensors(folder, dtype, device)
        return SharedTensors(folder, dtype, device, whole, names, self.share)

    def linear(
        self,
        weight: torch.Tensor,  # [out, in]
        bias: torch.Tensor | None = None,  # [out]
    ) -> Linear | QuantizedLinear:
        """A product with this weight."""
        if self.quantization is None:
            return Linear(weight, bias)
        return QuantizedLinear(quantize(weight, self.quantization), bias)

    def head_rows(self, vocab_size: int) -> range:
        """The tokens whose logits are computed here."""
        return range(vocab_size) if self.share is None else self.share.vocabulary(vocab_size)

    def summed(self, x: torch.Tensor) -> torch.Tensor:
        """What a product divided by its inputs gives in all."""
        return x if self.share is None else self.share.collectives.sum(x)

    def joined(self, logits: torch.Tensor, vocab_size: int) -> torch.Tensor:  # [R, v] -> [R, V]
        """The logits of all tokens."""
        return logits if self.share is None else self.share.logits(logits, vocab_size)
