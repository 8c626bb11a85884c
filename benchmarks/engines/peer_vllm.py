"""vLLM on a CPU, compiled, with its prefix cache."""

import argparse
import os

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")

import vllm

MAX_LEN = 2048


class Vllm:
    """The offline engine, in this process."""

    def __init__(self, model: str, dtype: str, lookup: int) -> None:
        self.name, self.version = "vLLM", vllm.__version__
        self._engine = vllm.LLM(
            model,
            dtype=dtype,
            enable_prefix_caching=True,
            max_model_len=MAX_LEN,
            max_num_seqs=64,
            max_num_batched_tokens=2048,
            speculative_config=_ngram(lookup) if lookup else None,
        )

    def generate(
        self, prompts: list[list[int]], num_new: list[int], *, is_alone: bool
    ) -> list[int]:
        """Answer all prompts together."""
        params = [
            vllm.SamplingParams(
                temperature=0, max_tokens=one, min_tokens=one, ignore_eos=True, detokenize=False
            )
            for one in num_new
        ]
        asked = [{"prompt_token_ids": one} for one in prompts]
        outputs = self._engine.generate(asked, params, use_tqdm=False)
        return [len(one.outputs[0].token_ids) for one in outputs]

    def settle(self) -> None:
        """It compiles before it answers."""

    def memory(self) -> dict[str, float]:
        """Only the size of the pool is known."""
        return {"pool": 1024 * float(os.environ["VLLM_CPU_KVCACHE_SPACE"])}


def build(arguments: list[str]) -> Vllm:
    """The engine of these options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--lookup", type=int, default=0, help="tokens drafted from the prompt")
    return Vllm(**vars(parser.parse_args(arguments)))


def _ngram(num_drafted: int) -> dict[str, object]:
    return {
        "method": "ngram",
        "num_speculative_tokens": num_drafted,
        "prompt_lookup_max": 4,
        "prompt_lookup_min": 2,
    }
