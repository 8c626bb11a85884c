"""The engine against `transformers` on the same weights, and what a user feels of it.

Decoding at batch 1 and 8 against generate(), many requests at once against generate_batch(),
speculation on against off, time to the first token with and without a shared prefix, and the share
of the engine's speed that arrives at a websocket client. `--shape` takes random weights of a known
model's shape instead of a model; then there is no text to speculate on, and speed is all it says.
"""

import argparse
import importlib
import itertools
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from benchmarks.continuous import measure_continuous, measure_memory_limit, measure_prefill
from benchmarks.drawn_weights import drawn, drawn_transformers, save_hollow
from benchmarks.parts import Parts, release
from benchmarks.report import Report, arguments, median
from benchmarks.shapes import SHAPES, save_shape
from benchmarks.swept import measure_swept, static_batches, swept_speculator
from inference import Engine, EngineConfig, SamplingParams
from inference.model.config import DecoderConfig, describe
from inference.model.families import read_native

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "inference/weights/careline-small"
ARTICLES = ROOT / "app/demo/articles"
BLOCK_SIZE = 16
PROMPT_TOKENS, NEW_TOKENS = 128, 96
SHARED_TOKENS, OWN_TOKENS = 512, 16
LONG_PROMPT = 4096
STATIC_BATCH, INNER = 16, 4096
"""Requests whose most tokens fit the memory; width of Granite's published speculator."""
GREEDY = SamplingParams(max_tokens=NEW_TOKENS, ignore_eos=True)
FIRST = SamplingParams(max_tokens=1, ignore_eos=True)


def main() -> None:
    """Run everything in turn and keep the figures."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        if options.shape:
            options.model = str(options.keep or Path(scratch) / options.shape)
            folder = Path(options.model)
            if options.is_drawn:
                save_hollow(options.shape, folder)
            elif not (folder / "config.json").is_file():
                save_shape(options.shape, folder, options.device)
        failed = _measure(options)
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")


def _options() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--shape", choices=sorted(SHAPES), help="random weights of this shape")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to keep the shape")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--quantization", choices=["int8", "fp8"], help="of our weights")
    parser.add_argument("--tensor-parallel", type=int, default=1, help="processes for our engine")
    parser.add_argument(
        "--concurrency", help="requests at once; default: 1,8,64,256, on a CPU or if quick 1,8"
    )
    parser.add_argument("--new-tokens", type=int, help="of each request; default: 96, quick 16")
    parser.add_argument("--no-websocket", action="store_true", help="the engine alone")
    parser.add_argument("--limit-s", type=float, help="begin no part later; cuda: 480")
    options = parser.parse_args()
    is_gpu = options.device == "cuda"
    if is_gpu and not torch.cuda.is_available():
        parser.error("torch sees no GPU")
    options.limit_s = options.limit_s or (480.0 if is_gpu else float("inf"))
    # Peers of a divided model are processes of their own, which read files.
    alone = options.tensor_parallel == 1 and options.keep is None
    options.is_drawn = bool(options.shape) and is_gpu and alone
    if is_gpu and options.json is None:
        name = torch.cuda.get_device_name().lower().replace(" ", "-")
        title = options.shape or Path(options.model).name
        options.json = ROOT / f"benchmarks/results/serving-{title}-{name}.json"
    is_small = options.quick or options.device == "cpu"
    given = options.concurrency or ("1,8" if is_small else "1,8,64,256")
    options.concurrency = [int(one) for one in given.split(",")]
    options.new_tokens = options.new_tokens or (16 if options.quick else NEW_TOKENS)
    return options


def _measure(options: argparse.Namespace) -> list[str]:
    """All parts, the engine's own figures first; which failed or came too late."""
    runs = 2 if options.quick else 7
    report = Report("serving", options.json)
    text = _random_text(options.model) if options.shape else _articles(options.model)
    theirs = _theirs(options)
    parts = Parts(options.limit_s)
    if options.shape:
        parts.run("swept", partial(_swept, report, options, theirs, text, min(runs, 3)))
        release()
    plain = _engine(options, None)

    def fresh(count: int) -> list[list[int]]:
        return _fresh(text, count, PROMPT_TOKENS)

    if options.device == "cuda":
        config = _config(options.model)
        parts.run("step", lambda: measure_memory_limit(report, plain, fresh, config, 64, runs))
        parts.run("prefill", lambda: _prefill(report, plain, text, config, runs))
    for batch in (1, 8):
        parts.run(f"decode {batch}", partial(_decode, report, plain, theirs, text, batch, runs))
    rounds = 1 if options.quick else 3
    for count in options.concurrency:
        given = report, plain, theirs, fresh, count, options.new_tokens, rounds
        parts.run(f"continuous {count}", partial(measure_continuous, *given))
    del theirs
    parts.run("first token", lambda: _first_token(report, plain, text, runs))
    if not options.shape:
        parts.run("speculation", lambda: _speculation(report, options, plain, text, runs))
    plain.close()
    if not options.no_websocket and not options.shape:
        rounds = 1 if options.quick else 4
        # Loaded only now: all above needs nothing of `app`.
        share = importlib.import_module("benchmarks.websocket_share").measure_websocket_share
        parts.run("websocket", lambda: share(report, options.model, rounds))
    return parts.failed


def _theirs(options: argparse.Namespace) -> PreTrainedModel:
    dtype = getattr(torch, options.dtype)
    if options.is_drawn:
        model: PreTrainedModel = drawn_transformers(options.shape, dtype, options.device)
        return model
    loaded = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype)
    placed: PreTrainedModel = loaded.to(options.device)
    return placed


def _config(model: str) -> DecoderConfig:
    read = read_native(describe(Path(model)))
    assert read is not None, f"{model} runs in transformers"
    return read[0]


def _prefill(
    report: Report, engine: Engine, text: list[int], config: DecoderConfig, runs: int
) -> None:
    length = min(LONG_PROMPT, config.max_model_len // 2)
    measure_prefill(report, engine, lambda: _fresh(text, 1, length)[0], config, runs)


def _swept(
    report: Report,
    options: argparse.Namespace,
    theirs: PreTrainedModel,
    text: list[int],
    runs: int,
) -> None:
    """Drafts of a known acceptance; the target must be drawn, so that what it says is known."""
    config = _config(options.model)
    if not (config.tie_word_embeddings and options.is_drawn):
        return
    dtype, device = getattr(torch, options.dtype), torch.device(options.device)
    speculator = swept_speculator(config, INNER, dtype, device, BLOCK_SIZE)
    num_blocks = STATIC_BATCH * -(-(PROMPT_TOKENS + NEW_TOKENS) // BLOCK_SIZE)
    with drawn():
        engine = Engine(
            EngineConfig(
                model=options.model,
                device=options.device,
                dtype=options.dtype,
                num_blocks=num_blocks,
                block_size=BLOCK_SIZE,
                max_batch=64,
                max_step_tokens=LONG_PROMPT // 2,
            ),
            [speculator],
        )
    measure_swept(
        report,
        engine,
        speculator,
        partial(static_batches, theirs, STATIC_BATCH),
        lambda count: _fresh(text, count, PROMPT_TOKENS),
        NEW_TOKENS,
        16 if options.quick else 64,
        runs,
    )
    engine.close()


def _engine(options: argparse.Namespace, speculator: str | None) -> Engine:
    most = max(8, *options.concurrency)
    each = -(-(PROMPT_TOKENS + max(options.new_tokens, NEW_TOKENS)) // BLOCK_SIZE) + 1
    is_gpu = options.device == "cuda"
    config = EngineConfig(
        model=options.model,
        speculator=speculator,
        device=options.device,
        dtype=options.dtype,
        quantization=options.quantization,
        tensor_parallel=options.tensor_parallel,
        block_size=BLOCK_SIZE,
        num_blocks=max(2048, 2 * most * each),
        max_batch=max(64, most),
        max_step_tokens=max(LONG_PROMPT // 2 if is_gpu else 512, 2 * most),
        max_waiting=max(256, most),
        compile=True,
    )
    with drawn() if options.is_drawn else nullcontext():
        made = Engine(config)
    made.finish_compiling()
    return made


def _speculation(
    report: Report, options: argparse.Namespace, plain: Engine, text: list[int], runs: int
) -> None:
    speculating = _engine(options, "ngram")
    for batch in (1, 8):
        _speculate(report, plain, speculating, text, batch, runs)
    speculating.close()


def _random_text(model: str) -> list[int]:
    vocab_size = json.loads(Path(model, "config.json").read_text(encoding="utf-8"))["vocab_size"]
    rng = random.Random(0)
    return [rng.randrange(vocab_size) for _ in range(200_000)]


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
