"""The engine against `transformers` generate() on the same weights, and what a user feels of it.

Decoding at batch 1 and 8, speculation on against off, time to the first token with and without a
shared prefix, and the share of the engine's speed that arrives at a websocket client.
"""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from benchmarks.report import Report, arguments, median
from benchmarks.websocket_share import measure_websocket_share
from inference import Engine, EngineConfig, SamplingParams

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "inference/weights/careline-small"
ARTICLES = ROOT / "app/demo/articles"
PROMPT_TOKENS, NEW_TOKENS = 128, 96
SHARED_TOKENS, OWN_TOKENS = 512, 16
GREEDY = SamplingParams(max_tokens=NEW_TOKENS, ignore_eos=True)
FIRST = SamplingParams(max_tokens=1, ignore_eos=True)


def main() -> None:
    """Run everything in turn and keep the figures."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--no-websocket", action="store_true", help="the engine alone")
    options = parser.parse_args()
    runs = 3 if options.quick else 7
    text = _articles(options.model)
    report = Report("serving")

    def engine(speculator: str | None) -> Engine:
        made = Engine(
            EngineConfig(
                model=options.model,
                speculator=speculator,
                device=options.device,
                dtype=options.dtype,
                compile=True,
            )
        )
        made.finish_compiling()
        return made

    plain, speculating = engine(None), engine("ngram")
    theirs = AutoModelForCausalLM.from_pretrained(
        options.model, dtype=getattr(torch, options.dtype)
    ).to(options.device)
    for batch in (1, 8):
        _decode(report, plain, theirs, text, batch, runs)
        _speculate(report, plain, speculating, text, batch, runs)
    _first_token(report, plain, text, runs)
    plain.close()
    speculating.close()
    if not options.no_websocket:
        measure_websocket_share(report, options.model, 1 if options.quick else 4)
    if options.json:
        report.save(options.json)


def _articles(model: str) -> list[int]:
    """Help articles end to end, the text that customers' answers are taken from, as ids."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    texts = [path.read_text(encoding="utf-8") for path in sorted(ARTICLES.glob("*.md"))]
    ids: list[int] = tokenizer("\n".join(texts), add_special_tokens=False)["input_ids"]
    return ids


def _fresh(text: list[int], batch: int, length: int) -> list[list[int]]:
    """Prompts that no run has seen: each begins where none has begun before."""
    starts = [next(_OFFSETS) * 7 % (len(text) - length) for _ in range(batch)]
    return [text[start : start + length] for start in starts]


_OFFSETS = itertools.count()


def _decode(
    report: Report, ours: Engine, theirs: PreTrainedModel, text: list[int], batch: int, runs: int
) -> None:
    def engine() -> float:
        prompts = _fresh(text, batch, PROMPT_TOKENS)
        return _rate(batch, lambda: ours.generate(prompts, GREEDY))

    def generate() -> float:
        ids = torch.tensor(_fresh(text, batch, PROMPT_TOKENS), device=theirs.device)
        return _rate(
            batch,
            lambda: theirs.generate(  # type: ignore[operator]
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS,
                do_sample=False,
            ),
        )

    value, baseline = median(engine, runs), median(generate, runs)
    name = f"decode.batch{batch}.tokens_per_s"
    report.add(name, value, "tokens/s", "transformers generate()", baseline)


def _speculate(
    report: Report, off: Engine, on: Engine, text: list[int], batch: int, runs: int
) -> None:
    """A text, then its beginning again: what the model writes next mostly stands in the prompt."""

    def rate(engine: Engine) -> float:
        prompts = [[*one, *one[:32]] for one in _fresh(text, batch, PROMPT_TOKENS)]
        return _rate(batch, lambda: engine.generate(prompts, GREEDY))

    before = on.stats()
    value, baseline = median(lambda: rate(on), runs), median(lambda: rate(off), runs)
    report.add(
        f"speculation.batch{batch}.tokens_per_s", value, "tokens/s", "speculation off", baseline
    )
    after = on.stats()
    drafted = after["num_drafted_tokens"] - before["num_drafted_tokens"]
    accepted = after["num_accepted_tokens"] - before["num_accepted_tokens"]
    report.add(f"speculation.batch{batch}.acceptance", accepted / max(drafted, 1), "share")


def _first_token(report: Report, engine: Engine, text: list[int], runs: int) -> None:
    shared = text[-SHARED_TOKENS:]

    def cold() -> float:
        prompt = _fresh(text, 1, SHARED_TOKENS + OWN_TOKENS)
        return _milliseconds(lambda: engine.generate(prompt, FIRST))

    def warm() -> float:
        prompt = [shared + _fresh(text, 1, OWN_TOKENS)[0]]
        return _milliseconds(lambda: engine.generate(prompt, FIRST))

    value, baseline = median(warm, runs * 3, warmups=2), median(cold, runs * 3)
    report.add("first_token.shared_prefix_ms", value, "ms", "cold", baseline)


def _rate(batch: int, run: Callable[[], object]) -> float:
    return batch * NEW_TOKENS / (_milliseconds(run) / 1000)


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
