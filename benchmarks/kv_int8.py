"""What int8 blocks cost in loss and bring in memory, on held-out conversations.

The loss is that of the agents' words in dialogues that training never saw: the development and test
parts of the prepared training data (`--data`), or without it the demo's articles. Rows read keys
and values as they are stored, so what is measured is what an engine answers with.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

import torch
from tokenizers import Tokenizer
from torch.nn import functional

from benchmarks.report import Report, arguments
from inference import Engine, EngineConfig, SamplingParams
from inference.cache.storage import allocate_cache, bytes_per_block
from inference.model.decoder import DecoderInputs
from inference.model.language_model import LanguageModel
from inference.model.loading import load_model
from inference.training.corpus import (
    GROUNDED_FILES,
    Article,
    article_conversation,
    plain_conversation,
    read_dialogues,
)
from inference.training.layout import Example, render_answers, render_everything
from kernels.paged_attention import plan_attention

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "inference/weights/careline-small"
BLOCK_SIZE, CHUNK = 16, 64
LONGEST = 1024
VARIANTS = (
    ("float32", "auto"),
    ("float32", "int8"),
    ("bfloat16", "auto"),
    ("bfloat16", "int8"),
)
TRUTH = VARIANTS[0]
NEW_TOKENS = 48
SPEED_BATCH, SPEED_CONTEXT = 8, 512


@dataclass(frozen=True)
class Loss:
    """Of the learned tokens: mean in nats, and what the model held most probable."""

    nats: float
    best: torch.Tensor  # [learned tokens] int64


def main() -> None:
    """Measure all variants on the same texts, and keep the figures."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--data", type=Path, help="a folder of prepared training data")
    options = parser.parse_args()
    num_texts, num_answers = (24, 16) if options.quick else (96, 48)
    texts = _texts(options, num_texts)
    report = Report("kv_int8", options.json)
    report.add("texts.learned_tokens", sum(sum(one.learned) for one in texts), "tokens")
    _memory(report, options)
    _losses(report, options, texts)
    _greedy(report, options, texts[:num_answers])
    _speed(report, options, texts, 1 if options.quick else 7)


def _memory(report: Report, options: argparse.Namespace) -> None:
    config = load_model(Path(options.model), torch.float32, torch.device("cpu")).config
    packed = bytes_per_block(config, BLOCK_SIZE, torch.int8)
    for dtype in (torch.float32, torch.bfloat16):
        whole = bytes_per_block(config, BLOCK_SIZE, dtype)
        name = str(dtype).removeprefix("torch.")
        report.add(
            f"blocks_in_a_GiB.int8_for_{name}", 2**30 // packed, "blocks", name, 2**30 // whole
        )


def _losses(report: Report, options: argparse.Namespace, texts: Sequence[Example]) -> None:
    losses = {one: _loss(options, *one, texts) for one in VARIANTS}
    truth = losses[TRUTH]
    for (dtype, kv), loss in losses.items():
        name = f"loss.{dtype}.{kv}"
        report.add(f"{name}.nats", loss.nats, "nats", "float32.auto", truth.nats)
        report.add(f"{name}.perplexity", math.exp(loss.nats), "")
        same = (loss.best == truth.best).double().mean()
        report.add(f"{name}.same_best_token", float(same), "share")


@torch.inference_mode()
def _loss(options: argparse.Namespace, dtype: str, kv_dtype: str, texts: Sequence[Example]) -> Loss:
    device, own = torch.device(options.device), getattr(torch, dtype)
    model = load_model(Path(options.model), own, device)
    kept = torch.int8 if kv_dtype == "int8" else own
    cache = allocate_cache(model.config, LONGEST // BLOCK_SIZE, BLOCK_SIZE, kept, device)
    total, best = 0.0, []
    for text in texts:
        learned = torch.tensor(text.learned[1:])
        targets = torch.tensor(text.ids[1:])[learned]
        logits = torch.cat(list(_logits(model, cache, text.ids[:-1])))[learned]
        total += functional.cross_entropy(logits, targets, reduction="sum").item()
        best.append(logits.argmax(-1))
    found = torch.cat(best)
    return Loss(total / len(found), found)


def _logits(
    model: LanguageModel, cache: torch.Tensor, ids: Sequence[int]
) -> Iterator[torch.Tensor]:
    """Logits of all rows, [CHUNK or less, V] at a time, computed as a prompt in chunks is."""
    table = torch.arange(LONGEST // BLOCK_SIZE)[None]
    for start in range(0, len(ids), CHUNK):
        stop = min(start + CHUNK, len(ids))
        places = torch.arange(start, stop, device=cache.device)
        plan = plan_attention(
            table, torch.tensor([0, stop - start]), torch.tensor([stop]), BLOCK_SIZE
        )
        tokens = torch.tensor(ids[start:stop], device=cache.device)
        hidden = model.forward(DecoderInputs(tokens, places, places, plan), cache)
        yield model.logits(hidden).cpu()


def _greedy(report: Report, options: argparse.Namespace, texts: Sequence[Example]) -> None:
    """Answers to the last question of each text, against those over float32 blocks."""
    prompts = [_prompt(text) for text in texts]
    params = SamplingParams(max_tokens=NEW_TOKENS)
    answers = {}
    for dtype, kv in VARIANTS:
        engine = _engine(options, dtype, kv)
        answers[dtype, kv] = [out.token_ids for out in engine.generate(prompts, params)]
        engine.close()
    for (dtype, kv), found in answers.items():
        pairs = list(zip(found, answers[TRUTH], strict=True))
        name = f"greedy.{dtype}.{kv}"
        report.add(f"{name}.same_answers", sum(a == b for a, b in pairs) / len(pairs), "share")
        agreed = sum(_common(a, b) for a, b in pairs) / sum(len(b) for _, b in pairs)
        report.add(f"{name}.tokens_before_a_difference", agreed, "share")


def _speed(
    report: Report, options: argparse.Namespace, texts: Sequence[Example], runs: int
) -> None:
    """Decoding in torch with long contexts, where blocks are read the most."""
    stream = [token for text in texts for token in text.ids]
    stream *= -(-SPEED_BATCH * SPEED_CONTEXT // len(stream))
    starts = range(0, SPEED_BATCH * SPEED_CONTEXT, SPEED_CONTEXT)
    prompts = [stream[start : start + SPEED_CONTEXT] for start in starts]
    params = SamplingParams(max_tokens=NEW_TOKENS, ignore_eos=True)
    for dtype in ("float32", "bfloat16"):
        engines = {kv: _engine(options, dtype, kv) for kv in ("auto", "int8")}
        rates: dict[str, list[float]] = {kv: [] for kv in engines}
        for turn in range(runs + 1):  # in turns, for a machine is not the same all the time
            for kv, engine in engines.items():
                rate = _rate(engine, prompts, params)
                rates[kv] += [rate] if turn else []  # the first only fills the cache
        for engine in engines.values():
            engine.close()
        packed, plain = (statistics.median(rates[kv]) for kv in ("int8", "auto"))
        name = f"decode.batch{SPEED_BATCH}.{dtype}.int8.tokens_per_s"
        report.add(name, packed, "tokens/s", "auto, in torch too", plain)


def _rate(engine: Engine, prompts: list[list[int]], params: SamplingParams) -> float:
    """Tokens per second of decoding; the prompts are in the cache after the warm-up."""
    start = time.perf_counter()
    outputs = engine.generate(prompts, params)
    return sum(len(out.token_ids) for out in outputs) / (time.perf_counter() - start)


def _engine(options: argparse.Namespace, dtype: str, kv_dtype: str) -> Engine:
    return Engine(
        EngineConfig(model=options.model, device=options.device, dtype=dtype, kv_dtype=kv_dtype)
    )


def _texts(options: argparse.Namespace, count: int) -> list[Example]:
    """Conversations of at most LONGEST tokens, evenly from all sources of the data."""
    tokenizer = Tokenizer.from_file(str(Path(options.model) / "tokenizer.json"))
    if options.data is None:
        articles = sorted((ROOT / "app/demo/articles").glob("*.md"))
        read = [Article("demo", path.stem, path.stem, path.read_text()) for path in articles]
        found = [render_everything(tokenizer, article_conversation(one)) for one in read]
        return [Example(one.ids[:LONGEST], one.learned[:LONGEST]) for one in found[:count]]
    held_out = [
        dialogue
        for dialogue in read_dialogues(options.data, GROUNDED_FILES)
        if dialogue.split != "train"
    ]
    every = max(1, len(held_out) // (2 * count))
    rendered = (render_answers(tokenizer, plain_conversation(one)) for one in held_out[::every])
    fitting = (one for one in rendered if len(one.ids) <= LONGEST and any(one.learned))
    return [one for one, _ in zip(fitting, range(count), strict=False)]


def _prompt(text: Example) -> list[int]:
    """The text up to where its last learned run begins."""
    last = len(text.ids) - 1
    while last > 1 and not text.learned[last]:
        last -= 1
    while last > 1 and text.learned[last]:
        last -= 1
    return text.ids[: max(last, 32) + 1]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


if __name__ == "__main__":
    main()
