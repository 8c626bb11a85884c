"""What speculators bring, each alone and together, from one reader to many.

Two kinds of text. `grounded`: the demo's questions that were never tuned on, laid out as the
product asks them and answered as it answers (a few of the model's own words around a quote).
`free`: the same questions answered by the model alone, greedy, from the same passages. Every load
is a number of readers who each ask their next question when they have their answer; tokens a second
have the prompts in them, the time between tokens has not: tokens that come together share their
wait. Readers who are served faster ask more often, and somebody's prompt is in the way of
everybody's tokens: so the tail is also measured with questions that come at the same moments for
all (`arrivals`). How many drafts are accepted at which depth, and how many tokens that makes a
step, is told of one reader for whom everybody always drafts (`always`): the budget lets nobody
draft whom it does not pay.

The headline: latency for one reader and throughput in the same memory for (a) `transformers`
generate() in static batches with a contiguous cache, (b) paged, continuous batches, (c) the same
with speculation.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

from benchmarks.held_out import dialogue_prompts
from benchmarks.quote_choice import Case, read_cases
from benchmarks.readers import SALT, Load, Question, run_arrivals, run_load
from benchmarks.report import Report, arguments
from benchmarks.speculation_chart import draw
from benchmarks.speculation_headline import headline
from benchmarks.speculation_modes import OFF, Modes, as_chain
from benchmarks.test_models import SHIPPED
from inference import Document, Engine, EngineConfig, Exactly, SamplingParams, Words

SHIPPED_MLP = SHIPPED.parent / "careline-small-mlp"
SHIPPED_MEDUSA = SHIPPED.parent / "careline-small-medusa"
SHIPPED_DRAFT = SHIPPED.parent / "careline-small-draft"
KINDS = ("grounded", "free", "dialogue")
LOADS = (1, 2, 4, 8, 16, 32, 64)
QUICK_LOADS = (1, 8)
HELD_OUT = ("held", "fresh")
FREE_TOKENS, NUM_DIALOGUES = 64, 128
ALWAYS_ASKED = 48
NUM_BLOCKS = 8192
"""Room for all prompts of a kind, so that nobody computes again what another has evicted."""
ARRIVALS_LIKE, ARRIVALS_SHARE, NUM_ARRIVALS = 8, 0.7, 96
"""Questions come at this share of the rate that so many readers asked at without speculation."""
TEMPERATURE, TOP_P = 0.6, 0.95
"""Of the product's own sentences."""


def main() -> None:
    """The headline, then every speculator at every load."""
    options = _options()
    report = Report("speculation", options.json)
    loads = QUICK_LOADS if options.quick else tuple(options.readers)
    kinds = read_questions(options.quick)
    if options.data is not None:
        kinds["dialogue"] = _dialogues(options)
    if options.kinds:
        kinds = {kind: kinds[kind] for kind in options.kinds if kind in kinds}
    modes = _modes(options)
    if not options.quick and not options.kinds and not options.modes:
        headline(report, _config(options, modes["combined"]), kinds)
    for kind, questions in kinds.items():
        _measure_kind(report, options, kind, questions, modes, loads)
        if options.json:
            draw(report, options.json.with_suffix(".svg"), tuple(modes), loads)


def read_questions(is_quick: bool = False) -> dict[str, list[Question]]:
    """By kind of answer."""
    cases = [one for one in read_cases() if one.question.part in HELD_OUT]
    cases = cases[::5] if is_quick else cases
    answered = [one for one in cases if one.is_answered]
    return {
        "grounded": [
            Question(one.prompt(one.question.question), _guided(one, seed))
            for seed, one in enumerate(answered)
        ],
        "free": [
            Question(one.prompt(one.question.question), SamplingParams(max_tokens=FREE_TOKENS))
            for one in cases
        ],
    }


def _dialogues(options: argparse.Namespace) -> list[Question]:
    count = 24 if options.quick else NUM_DIALOGUES
    params = SamplingParams(max_tokens=FREE_TOKENS)
    prompts = dialogue_prompts(Path(options.model), options.data, count)
    return [Question(prompt, params) for prompt in prompts]


def corpus() -> list[Document]:
    """The workspace's articles, as the product teaches them."""
    folder = Path(__file__).parent.parent / "app/demo/articles"
    return [
        Document(path.stem, path.read_text(encoding="utf-8"), is_lasting=True)
        for path in sorted(folder.glob("*.md"))
    ]


def _guided(case: Case, seed: int) -> SamplingParams:
    """As the product answers: an opening, the quote with its marker, a closing."""
    quote = Exactly(case.best(1).text, quote=True)
    return SamplingParams(
        temperature=TEMPERATURE,
        top_p=TOP_P,
        seed=seed,
        guide=(Words(), Exactly(" "), quote, Exactly(" [1] "), Words()),
    )


def _measure_kind(
    report: Report,
    options: argparse.Namespace,
    kind: str,
    questions: Sequence[Question],
    modes: Mapping[str, tuple[str, ...]],
    loads: Sequence[int],
) -> None:
    """All modes in turn at each load, on the same questions."""
    config = replace(_config(options, ()), num_blocks=NUM_BLOCKS)
    ways = Modes(config, modes, corpus(), SALT)
    num_runs = 1 if options.quick else options.runs
    try:
        # Everybody finds every prompt in the cache, so that nobody pays for others.
        run_load(ways.switch(OFF), questions, ARRIVALS_LIKE, len(questions))
        for num_readers in loads:
            num_asked = max(options.asked, 2 * num_readers)
            for mode in modes:
                run_load(ways.switch(mode), questions, num_readers, num_asked)

            def run(engine: Engine, turn: int, readers: int = num_readers) -> Load:
                asked = max(options.asked, 2 * readers)
                first = turn * asked % len(questions)
                return run_load(engine, [*questions[first:], *questions[:first]], readers, asked)

            turns = _in_turns(ways, modes, run, num_runs)
            for mode in modes:
                _report_load(report, f"{kind}.{mode}.readers{num_readers}", turns[mode], turns[OFF])
            if num_readers == ARRIVALS_LIKE:
                asked_per_s = num_asked / statistics.median(one.seconds for one in turns[OFF])
                come = partial(_arrivals, questions=questions, per_s=ARRIVALS_SHARE * asked_per_s)
                turns = _in_turns(ways, modes, come, -(-num_runs // 2))
                for mode in modes:
                    _report_gaps(report, f"{kind}.{mode}.arrivals", turns[mode], turns[OFF])
        for mode in modes:
            always = run_load(ways.switch(mode, is_always=True), questions, 1, ALWAYS_ASKED)
            per_step = always.num_tokens / always.num_turns
            report.add(f"{kind}.{mode}.always.tokens_per_step", per_step, "tokens")
            _report_acceptance(report, f"{kind}.{mode}", ways.stats(mode))
    finally:
        ways.engine.close()


def _arrivals(engine: Engine, turn: int, questions: Sequence[Question], per_s: float) -> Load:
    return run_arrivals(engine, questions, NUM_ARRIVALS, per_s)


def _in_turns(
    ways: Modes, modes: Mapping[str, object], run: Callable[[Engine, int], Load], num_runs: int
) -> dict[str, list[Load]]:
    """Forwards and backwards, so that a machine that slows down wrongs nobody."""
    turns: dict[str, list[Load]] = {mode: [] for mode in modes}
    for number in range(num_runs):
        for mode in list(modes)[:: -1 if number % 2 else 1]:
            turns[mode].append(run(ways.switch(mode), number))
    return turns


def _report_load(report: Report, name: str, loads: Sequence[Load], off: Sequence[Load]) -> None:
    def rate(one: Load) -> float:
        return one.num_tokens / one.seconds

    ratios = [rate(one) / rate(other) for one, other in zip(loads, off, strict=True)]
    value = statistics.median(map(rate, loads))
    report.add(f"{name}.tokens_per_s", value, "tokens/s", OFF, value / statistics.median(ratios))
    per_step = sum(one.num_tokens for one in loads) / sum(one.num_turns for one in loads)
    report.add(f"{name}.tokens_per_step", per_step, "tokens")
    _report_gaps(report, name, loads, off)


def _report_gaps(report: Report, name: str, loads: Sequence[Load], off: Sequence[Load]) -> None:
    value, other = (statistics.median(one.mean_gap_ms for one in group) for group in (loads, off))
    report.add(f"{name}.gap_mean_ms", value, "ms", OFF, other)
    every, plain = (
        Load(gaps_s=[gap for one in group for gap in one.gaps_s]) for group in (loads, off)
    )
    for share in (0.5, 0.95, 0.99):
        values, others = every.percentile_ms(share), plain.percentile_ms(share)
        report.add(f"{name}.gap_p{round(100 * share)}_ms", values, "ms", OFF, others)


def _report_acceptance(report: Report, name: str, stats: Mapping[str, int | float]) -> None:
    for key, drafted in stats.items():
        if key.startswith("spec.") and key.endswith(".drafted") and drafted:
            accepted = stats[key.replace(".drafted", ".accepted")]
            place = key.removeprefix("spec.").removesuffix(".drafted")
            report.add(f"{name}.acceptance.{place}", accepted / drafted, f"of {drafted:.0f}")


def _modes(options: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Speculators by the name of what is measured."""
    modes: dict[str, tuple[str, ...]] = {
        OFF: (),
        "constraint": (),
        "ngram": ("ngram",),
        "suffix": ("suffix",),
    }
    if options.mlp and not options.mlp_chain:
        options.mlp_chain = as_chain(options.mlp)
    heads = {name: getattr(options, name) for name in ("mlp_chain", "mlp", "medusa", "draft")}
    modes |= {name: (str(folder),) for name, folder in heads.items() if folder}
    best = options.mlp or options.draft
    modes |= {"combined": ("suffix", *((str(best),) if best else ()))}
    if options.modes:
        unknown = set(options.modes) - set(modes)
        if unknown:
            raise SystemExit(f"--modes: no {', '.join(sorted(unknown))} among {', '.join(modes)}")
        modes = {OFF: (), **{mode: modes[mode] for mode in modes if mode in options.modes}}
    return modes


def _config(options: argparse.Namespace, speculators: tuple[str, ...]) -> EngineConfig:
    return EngineConfig(
        model=options.model,
        speculator=speculators or ("suffix",),
        device=options.device,
        dtype=options.dtype,
        max_draft_tokens=options.max_draft_tokens,
        compile=True,
    )


def _options() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--data", type=Path, help="a folder of prepared data with held-out parts")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="only these, and no headline")
    parser.add_argument("--modes", nargs="+", help="only these, and no headline; off always")
    parser.add_argument("--readers", type=int, nargs="+", default=LOADS, help="loads")
    parser.add_argument("--asked", type=int, default=24, help="least questions of a turn")
    parser.add_argument("--max-draft-tokens", type=int, default=15)
    shipped = SHIPPED_MLP if SHIPPED_MLP.is_dir() else None
    parser.add_argument("--mlp", type=Path, default=shipped, help="an MLP speculator, its tree")
    parser.add_argument("--mlp-chain", type=Path, help="instead of the same with one candidate")
    medusa = SHIPPED_MEDUSA if SHIPPED_MEDUSA.is_dir() else None
    parser.add_argument("--medusa", type=Path, default=medusa, help="Medusa heads")
    draft = SHIPPED_DRAFT if SHIPPED_DRAFT.is_dir() else None
    parser.add_argument("--draft", type=Path, default=draft, help="a smaller model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
