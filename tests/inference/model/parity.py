"""What a checkpoint must do in the engine: exactly what it does in transformers."""

from pathlib import Path

import torch
from transformers import PretrainedConfig, PreTrainedModel

from inference import Engine, EngineConfig, SamplingParams

VOCAB = 97
NUM_TOKENS = 12
PROMPT_LENGTHS = (1, 9, 30, 47)
# float32 sums in another order, over two layers with logits of size 10.
TOLERANCE = 2e-4


def save_random(
    model_class: type[PreTrainedModel], config: PretrainedConfig, folder: Path
) -> PreTrainedModel:
    """A model with every weight drawn, biases and norms too; wide, so that logits are far apart."""
    torch.manual_seed(0)
    config._attn_implementation = "eager"  # the one way that every architecture attends in full
    model: PreTrainedModel = model_class(config).train(False)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1 or parameter.std() == 0:
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
            else:
                parameter.mul_(0.3 / parameter.std())
    model.save_pretrained(folder)
    return model


def check_parity(theirs: PreTrainedModel, folder: Path, is_native: bool = False) -> None:
    """Greedy tokens and their log-probabilities: chunked prompts, drafts, a batch, prefix hits.

    `is_native` waits for the C++ kernels.
    """
    config = EngineConfig(
        model=str(folder), speculator="ngram", device="cpu", dtype="float32", num_blocks=64,
        block_size=8, max_batch=4, max_step_tokens=20, compile=is_native,
    )  # fmt: skip
    params = SamplingParams(max_tokens=NUM_TOKENS, ignore_eos=True, logprobs=0)
    random = torch.Generator().manual_seed(1)
    prompts = [
        torch.randint(VOCAB - 1, (length,), generator=random).tolist() for length in PROMPT_LENGTHS
    ]
    engine = Engine(config)
    engine.finish_compiling()

    cold = engine.generate(prompts, params)
    warm = engine.generate(prompts, params)

    engine.close()
    assert [one.num_cached_tokens for one in cold] == [0, 0, 0, 0]
    assert [one.num_cached_tokens for one in warm] == [0, 8, 24, 40]
    for outputs in (cold, warm):
        for prompt, out in zip(prompts, outputs, strict=True):
            ids = torch.tensor([[*prompt, *out.token_ids]])
            with torch.no_grad():
                logits = theirs(ids, use_cache=False).logits
            logprobs = logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            assert logprobs.argmax(-1).tolist() == list(out.token_ids)
            expected = logprobs[range(NUM_TOKENS), list(out.token_ids)]
            ours = torch.tensor([one.logprob for one in out.logprobs])
            torch.testing.assert_close(ours, expected, atol=TOLERANCE, rtol=0)
