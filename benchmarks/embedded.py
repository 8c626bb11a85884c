"""What the shipped model is to give on two cores, with the product's speculators.

The first token on a warm preamble with 600 fresh tokens of passages and history behind it: 150 ms.
One reader: 300 tokens a second. Sixteen at once: 40 each. `tokens_per_s` has the prompts in it (a
reader asks again when answered), `decode_per_s` is what comes after the first token. The kinds of
answers are those of `speculation`.
"""

import os
import statistics
import time
from collections.abc import Sequence

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

from app.answers.prompt import system_messages
from benchmarks.quote_choice import COMPANY
from benchmarks.readers import SALT, Question, run_load
from benchmarks.report import Report, arguments
from benchmarks.speculation import SHIPPED_MLP, corpus, read_questions
from benchmarks.test_models import SHIPPED
from inference import Engine, EngineConfig, SamplingParams
from inference.model.config import describe
from inference.tokenizer import Tokenizer

NUM_FRESH = 600
FIRST_TOKEN_AIM_MS = 150
RATE_AIMS = {1: 300, 16: 40}
"""Tokens a second for each of so many readers."""
NUM_FIRST_TOKENS, NUM_RUNS, ASKED_BY_EACH = 40, 5, 3
AIM = "aim"
FIRST = SamplingParams(max_tokens=1, ignore_eos=True)


def main() -> None:
    """First tokens, then readers."""
    options = arguments(__doc__ or "").parse_args()
    report = Report("embedded", options.json)
    engine = _engine(options.device)
    try:
        _first_token(report, engine, 5 if options.quick else NUM_FIRST_TOKENS)
        for kind, questions in read_questions(options.quick).items():
            _readers(report, engine, kind, questions, 1 if options.quick else NUM_RUNS)
    finally:
        engine.close()


def _engine(device: str) -> Engine:
    engine = Engine(
        EngineConfig(
            model=str(SHIPPED),
            speculator=("suffix", str(SHIPPED_MLP)),
            device=device,
            dtype="auto",
            compile=True,
        )
    )
    engine.finish_compiling()
    engine.learn(corpus(), salt=SALT)
    return engine


def _first_token(report: Report, engine: Engine, num_asked: int) -> None:
    tokenizer = Tokenizer(SHIPPED, int(describe(SHIPPED).raw["vocab_size"]))
    *preamble, _ = tokenizer.encode_prompt(system_messages(COMPANY))
    text = tokenizer.encode("\n".join(str(document.content) for document in corpus()))
    stride = (len(text) - NUM_FRESH) // (num_asked + 1)
    waits_ms, num_cached = [], []
    for start in range(0, (num_asked + 1) * stride, stride):
        # begun at another place each time, so that nothing behind the preamble is known
        prompt = [*preamble, *text[start : start + NUM_FRESH]]
        began = time.perf_counter()
        (output,) = engine.generate([prompt], FIRST, salt=SALT)
        waits_ms.append((time.perf_counter() - began) * 1000)
        num_cached.append(output.num_cached_tokens)
    fewest = min(num_cached[1:])
    assert fewest > 0 and max(num_cached[1:]) < len(preamble) + 32, (len(preamble), num_cached)
    ordered = sorted(waits_ms[1:])  # the first has computed the preamble
    report.add("first_token.median_ms", statistics.median(ordered), "ms", AIM, FIRST_TOKEN_AIM_MS)
    report.add("first_token.p95_ms", ordered[int(0.95 * len(ordered))], "ms")
    report.add("first_token.computed", len(preamble) + NUM_FRESH - fewest, "tokens")


def _readers(
    report: Report, engine: Engine, kind: str, questions: Sequence[Question], num_runs: int
) -> None:
    for num_readers, aim in RATE_AIMS.items():
        num_asked = max(12, ASKED_BY_EACH * num_readers)
        run_load(engine, questions, num_readers, num_readers)
        loads = [run_load(engine, questions, num_readers, num_asked) for _ in range(num_runs)]
        whole = statistics.median(one.num_tokens / one.seconds / num_readers for one in loads)
        decode = statistics.median(1000 / one.mean_gap_ms for one in loads)
        name = f"{kind}.readers{num_readers}"
        report.add(f"{name}.tokens_per_s_each", whole, "tokens/s", AIM, aim)
        report.add(f"{name}.decode_per_s_each", decode, "tokens/s", AIM, aim)


if __name__ == "__main__":
    main()
