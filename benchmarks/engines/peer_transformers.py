"""transformers' `generate()` in static batches: each waits for its longest, prompts are padded.

`--batch` is how many requests the memory holds when every one keeps its most tokens contiguously.
"""

import argparse

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel


class Transformers:
    """One batch after the other, in the order of arrival."""

    def __init__(
        self, model: str, dtype: str, batch: int, lookup: int = 0, draft: str | None = None
    ) -> None:
        self.name, self.version = "transformers", transformers.__version__
        self._batch = batch
        self._model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            model, dtype=getattr(torch, dtype)
        )
        self._speculation: dict[str, object] = {}
        if lookup:
            self._speculation["prompt_lookup_num_tokens"] = lookup
        elif draft:
            assistant = AutoModelForCausalLM.from_pretrained(draft, dtype=getattr(torch, dtype))
            self._speculation["assistant_model"] = assistant

    @torch.inference_mode()
    def generate(
        self, prompts: list[list[int]], num_new: list[int], *, is_alone: bool
    ) -> list[int]:
        """What a batch computes beyond a request's own tokens is waste and not counted."""
        for at in range(0, len(prompts), self._batch):
            self._generate(prompts[at : at + self._batch], max(num_new[at : at + self._batch]))
        return num_new

    def settle(self) -> None:
        """Nothing is built."""

    def memory(self) -> dict[str, float]:
        """The cache is made anew for each batch."""
        size_bytes = sum(one.numel() * one.itemsize for one in self._model.parameters())
        return {"weights": size_bytes / (1 << 20)}

    def _generate(self, prompts: list[list[int]], num_new: int) -> None:
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(one)) + one for one in prompts])
        mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts])
        out: torch.Tensor = self._model.generate(  # type: ignore[operator]
            ids,
            attention_mask=mask,
            max_new_tokens=num_new,
            min_new_tokens=num_new,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
            **self._speculation,
        )
        if out.shape[1] != longest + num_new:
            raise ValueError(f"asked for {num_new} tokens, got {out.shape[1] - longest}")


def build(arguments: list[str]) -> Transformers:
    """The model of these options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--batch", type=int, default=32, help="1 with speculation")
    parser.add_argument("--lookup", type=int, default=0, help="tokens drafted from the prompt")
    parser.add_argument("--draft", help="a smaller model of the same vocabulary")
    return Transformers(**vars(parser.parse_args(arguments)))
