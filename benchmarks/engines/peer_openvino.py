"""OpenVINO GenAI: its pipeline for one request, and its continuous batching for many."""

import argparse

import numpy
import openvino
import openvino_genai

CACHE_GB = 1
MAX_BATCHED_TOKENS = 1024
MAX_SEQUENCES = 64
NUM_DRAFTED, LONGEST_NGRAM = 5, 3


class OpenVino:
    """Both pipelines over one converted model; each is loaded when it is first asked for."""

    def __init__(self, model: str, lookup: int, draft: str | None) -> None:
        self.name, self.version = "OpenVINO GenAI", openvino_genai.__version__
        self._model, self._lookup, self._draft = model, lookup, draft
        self._one: openvino_genai.LLMPipeline | None = None
        self._many: openvino_genai.ContinuousBatchingPipeline | None = None

    def generate(
        self, prompts: list[list[int]], num_new: list[int], *, is_alone: bool
    ) -> list[int]:
        """One that is alone takes the pipeline for one, which is the faster there."""
        if is_alone:
            [prompt], [num] = prompts, num_new
            return [self._generate_one(prompt, num)]
        return self._generate_many(prompts, num_new)

    def settle(self) -> None:
        """Nothing is built in the background."""

    def memory(self) -> dict[str, float]:
        """Only the size of the pool is known."""
        return {"pool": CACHE_GB * 1024}

    def _generate_one(self, prompt: list[int], num_new: int) -> int:
        if self._one is None:
            # Without it the pipeline for one is a batching one as well.
            self._one = self._pipeline()
        ids = _tensor(prompt)
        inputs = openvino_genai.TokenizedInputs(ids, openvino.Tensor(numpy.ones_like(ids.data)))
        return len(self._one.generate(inputs, self._config(num_new)).tokens[0])

    def _batching(self) -> openvino_genai.ContinuousBatchingPipeline:
        more: dict[str, object] = {}
        if self._lookup:
            more["prompt_lookup"] = True
        elif self._draft:
            more["draft_model"] = openvino_genai.draft_model(self._draft, "CPU")
        return openvino_genai.ContinuousBatchingPipeline(self._model, _scheduling(), "CPU", more)

    def _pipeline(self) -> openvino_genai.LLMPipeline:
        """Speculation is only in the batching one."""
        if self._lookup:
            return openvino_genai.LLMPipeline(
                self._model, "CPU", prompt_lookup=True, scheduler_config=_scheduling()
            )
        if self._draft:
            draft = openvino_genai.draft_model(self._draft, "CPU")
            return openvino_genai.LLMPipeline(
                self._model, "CPU", draft_model=draft, scheduler_config=_scheduling()
            )
        return openvino_genai.LLMPipeline(self._model, "CPU", ATTENTION_BACKEND="SDPA")

    def _config(self, num_new: int) -> openvino_genai.GenerationConfig:
        config = _greedy(num_new)
        if self._lookup:
            config.num_assistant_tokens, config.max_ngram_size = self._lookup, LONGEST_NGRAM
        elif self._draft:
            config.num_assistant_tokens = NUM_DRAFTED
        return config

    def _generate_many(self, prompts: list[list[int]], num_new: list[int]) -> list[int]:
        if self._many is None:
            self._many = self._batching()
        handles = [
            self._many.add_request(number, _tensor(prompt), self._config(num))
            for number, (prompt, num) in enumerate(zip(prompts, num_new, strict=True))
        ]
        while self._many.has_non_finished_requests():
            self._many.step()
        return [sum(len(one.generated_ids) for one in handle.read_all()) for handle in handles]


def build(arguments: list[str]) -> OpenVino:
    """The model of these options, as `optimum-cli export openvino` has written it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--lookup", type=int, default=0, help="tokens drafted from the prompt")
    parser.add_argument("--draft", help="a smaller model, converted too")
    return OpenVino(**vars(parser.parse_args(arguments)))


def _scheduling() -> openvino_genai.SchedulerConfig:
    config = openvino_genai.SchedulerConfig()
    config.cache_size = CACHE_GB
    config.enable_prefix_caching = True
    config.dynamic_split_fuse = True
    config.max_num_batched_tokens = MAX_BATCHED_TOKENS
    config.max_num_seqs = MAX_SEQUENCES
    return config


def _greedy(num_new: int) -> openvino_genai.GenerationConfig:
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = config.min_new_tokens = num_new
    config.ignore_eos = True
    config.do_sample = False
    config.apply_chat_template = False
    return config


def _tensor(ids: list[int]) -> openvino.Tensor:
    return openvino.Tensor(numpy.array([ids], dtype=numpy.int64))
