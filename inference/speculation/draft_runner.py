"""A draft model, its cache, and which code runs it."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import torch

from inference.cache.storage import allocate_cache
from inference.model.language_model import LanguageModel
from inference.model.loading import load_model, load_native
from inference.model.spans import Span, lay_out
from inference.speculation.base import TargetFacts

logger = logging.getLogger(__name__)


class DraftRunner:
    """In torch at first; in one C++ call a forward when the kernels are there and its weights are
    packed, which happens in a thread of its own.

    Raises:
        ModelLoadError: the folder holds no model that can be run.
    """

    def __init__(self, folder: Path, facts: TargetFacts) -> None:
        self.folder = folder
        self._facts = facts
        self.model: LanguageModel = load_model(folder, facts.dtype, facts.device)
        self.config = self.model.config
        self.cache = allocate_cache(
            self.config, facts.num_blocks, facts.block_size, facts.dtype, facts.device
        )
        self._packing: threading.Thread | None = None

    def run(self, spans: Sequence[Span], num_wanted: int) -> torch.Tensor | None:  # [n, V]
        """Compute all spans; the logits behind the first `num_wanted` of them, if that is any."""
        facts, kernels = self._facts, self._facts.native()
        self._begin_packing()
        model = self.model  # once: a forward runs whole on one or whole on the other
        hidden = model.forward(lay_out(spans, facts.block_size, facts.device, kernels), self.cache)
        if not num_wanted:
            return None
        sizes = torch.tensor([len(span.token_ids) for span in spans[:num_wanted]])
        last = (sizes.cumsum(0) - 1).to(facts.device)
        return model.logits(hidden[last])

    def wipe(self, block_ids: Sequence[int]) -> None:
        """Zero blocks that may hold what is no number: masked slots are read and must be sound."""
        self.cache[:, :, list(block_ids)] = 0

    def is_packed(self) -> bool:
        """Whether the weights are, where they are to be; else that begins."""
        self._begin_packing()
        return self._packing is None or not self._packing.is_alive()

    def finish_packing(self) -> None:
        """Until the weights are packed, where they are to be."""
        self._begin_packing()
        if self._packing is not None:
            self._packing.join()

    def _begin_packing(self) -> None:
        """In a thread of its own: it takes as long as many steps."""
        kernels = self._facts.native()
        if kernels is None or self._packing is not None:
            return

        def pack() -> None:
            dtype = self._facts.dtype
            try:
                model = load_native(self.folder, kernels, dtype, dtype)
            except Exception:  # at the edge of a thread: the draft model stays on torch
                logger.exception("the draft model's weights cannot be packed")
                return
            if model is not None:
                self.model = model

        self._packing = threading.Thread(target=pack, name="draft-kernels", daemon=True)
        self._packing.start()
