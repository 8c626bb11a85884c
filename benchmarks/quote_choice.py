"""Who should choose the quote: retrieval, the model, or both?

For every answerable question of the demo the best three passages are laid out as the product lays
them out, and the quote is chosen among their sentences by retrieval alone (its worth), by the model
alone (a `Spans` guide, greedy), and by both (the worth times a weight as the prior). A choice is
right when the expected fact stands in it. The weight is chosen on the `tune` part and judged on the
others. Beside the guide's way, branch by branch, sentences are also scored whole: by the model's
mean log-probability of a token (`mean`), and by how much likelier the question makes the sentence
than a greeting in its place does (`lift`), each plus the weighted worth.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.answers import phrases
from app.answers.grounding import ground
from app.answers.prompt import passages_text, system_messages
from app.demo.questions import Question, read_questions
from app.demo.vectors import demo_index
from app.knowledge.evidence import Verdict
from app.knowledge.passages import Passage
from app.knowledge.quotes import Quote, quotes_of
from app.knowledge.search import SearchIndex
from benchmarks.report import Report, arguments
from inference import (
    ChatMessage,
    Engine,
    EngineConfig,
    Exactly,
    RequestOutput,
    SamplingParams,
    Spans,
    SpanSource,
)

MODEL = Path(__file__).parent.parent / "inference/weights/careline-small"
COMPANY = "Fernhill Supply"
GREETING = "Hello"
TOO_LONG = -1_000.0
NUM_PASSAGES = 3
WEIGHTS = (1.0, 4.0, 16.0, 64.0)
PARTS = {"tune": ("tune",), "check": ("held", "fresh")}


@dataclass(frozen=True)
class Case:
    """A question, the passages of its prompt, and the runs of sentences that may be quoted."""

    question: Question
    passages: tuple[Passage, ...]
    runs: tuple[Quote, ...]
    is_answered: bool
    """The evidence gate lets its best quote through."""

    def prompt(self, question: str) -> tuple[ChatMessage, ...]:
        """As the product asks a first question."""
        return (
            *system_messages(COMPANY),
            ChatMessage("passages", passages_text(self.passages)),
            ChatMessage("user", question),
        )

    def best(self, num_sentences: int) -> Quote:
        """Retrieval's own choice."""
        return max(self.runs_of(num_sentences), key=lambda run: run.worth)

    def runs_of(self, num_sentences: int) -> list[Quote]:
        """Runs of at most so many sentences."""
        return [run for run in self.runs if run.num_sentences <= num_sentences]

    def is_right(self, text: str) -> bool:
        """Whether this quote holds the fact."""
        return self.question.is_answered_by(text)


def main() -> None:
    """Print shares of right quotes by who chose, on the tuning questions and on the others."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(MODEL))
    options = parser.parse_args()
    report = Report("quote_choice", options.json)
    cases = read_cases()
    if options.quick:
        cases = cases[::6]
    engine = Engine(EngineConfig(model=options.model, device=options.device, max_draft_tokens=16))
    for num_sentences in (1, 3):
        _measure(report, engine, cases, num_sentences)
    _measure_whole_sentences(report, engine, cases)
    engine.close()


def read_cases() -> list[Case]:
    """The answerable questions for which anything was found."""
    index = demo_index()
    found = (_case(index, one) for one in read_questions() if one.is_answerable)
    return [case for case in found if case is not None]


def _case(index: SearchIndex, question: Question) -> Case | None:
    grounding = ground(index, [question.question])
    quotes = [*grounding.quotes, *grounding.related][:NUM_PASSAGES]
    if not quotes:
        return None
    asked = index.understand(question.question)
    hits = index.search(asked)
    wanted = [quote.passage for quote in quotes]
    runs = [run for run in quotes_of(asked, hits) if run.passage in wanted]
    return Case(question, tuple(wanted), tuple(runs), grounding.verdict is Verdict.ANSWER)


def _measure(report: Report, engine: Engine, cases: Sequence[Case], num_sentences: int) -> None:
    """The guide's way, branch by branch, for quotes of at most so many sentences."""
    retrieval = [case.is_right(case.best(num_sentences).text) for case in cases]
    by_weight = {
        weight: _chosen_by_guide(engine, cases, num_sentences, weight) for weight in (0.0, *WEIGHTS)
    }
    _report(report, f"runs_of_{num_sentences}", cases, retrieval, by_weight)


def _measure_whole_sentences(report: Report, engine: Engine, cases: Sequence[Case]) -> None:
    """Single sentences scored as a whole, and that plus the worth."""
    mean: list[dict[str, float]] = []
    lift: list[dict[str, float]] = []
    for case in cases:
        asked = _sentence_logprobs(engine, case, case.question.question)
        greeted = _sentence_logprobs(engine, case, GREETING)
        mean.append({text: sum(own) / len(own) for text, own in asked.items()})
        lift.append({text: sum(own) - sum(greeted[text]) for text, own in asked.items()})
    retrieval = [case.is_right(case.best(1).text) for case in cases]
    for way, scores in (("mean", mean), ("lift", lift)):
        by_weight = {
            weight: [
                _is_best_right(case, own, weight) for case, own in zip(cases, scores, strict=True)
            ]
            for weight in (0.0, *WEIGHTS)
        }
        _report(report, f"whole_sentence_{way}", cases, retrieval, by_weight)


def _report(
    report: Report,
    name: str,
    cases: Sequence[Case],
    retrieval: Sequence[bool],
    by_weight: dict[float, list[bool]],
) -> None:
    tuning = [case.question.part in PARTS["tune"] for case in cases]
    best = max(WEIGHTS, key=lambda weight: sum(_of(by_weight[weight], tuning)))
    for part, parts in PARTS.items():
        mine = [case.question.part in parts for case in cases]
        alone = _of(retrieval, mine)
        report.add(f"{name}.{part}.retrieval", _share(alone), f"of {len(alone)}")
        for weight, right in by_weight.items():
            label = "model" if weight == 0.0 else f"both_{weight:g}"
            own = _of(right, mine)
            report.add(f"{name}.{part}.{label}", _share(own), "share", "retrieval", _share(alone))
        gained, lost = _changes(alone, _of(by_weight[best], mine))
        report.add(f"{name}.{part}.best_weight", best, "weight")
        report.add(f"{name}.{part}.gained", gained, "questions")
        report.add(f"{name}.{part}.lost", lost, "questions")
        report.add(f"{name}.{part}.sign_test", _sign_test(gained, lost), "p")
    answered = [case.is_answered and not one for case, one in zip(cases, tuning, strict=True)]
    alone, own = _of(retrieval, answered), _of(by_weight[best], answered)
    report.add(f"{name}.check_answered.retrieval", _share(alone), f"of {len(alone)}")
    report.add(f"{name}.check_answered.both", _share(own), "share", "retrieval", _share(alone))


def _chosen_by_guide(
    engine: Engine, cases: Sequence[Case], num_sentences: int, weight: float
) -> list[bool]:
    """Whether the model's quote is right, with the weighted worth as prior."""
    params = [_params(case, num_sentences, weight) for case in cases]
    outputs = engine.generate([case.prompt(case.question.question) for case in cases], params)
    return [case.is_right(_quoted(case, out)) for case, out in zip(cases, outputs, strict=True)]


def _params(case: Case, num_sentences: int, weight: float) -> SamplingParams:
    sources = tuple(
        SpanSource(passage.sentences, suffix=f" [{marker}]")
        for marker, passage in enumerate(case.passages, start=1)
    )
    choice = Spans(sources, num_sentences, lead=" ", quote=True)
    if weight:
        priors = [_priors(case, passage, choice, weight) for passage in case.passages]
        weighted = tuple(
            SpanSource(one.sentences, own, one.suffix)
            for one, own in zip(sources, priors, strict=True)
        )
        choice = Spans(weighted, num_sentences, lead=" ", quote=True)
    return SamplingParams(max_tokens=512, guide=(Exactly(phrases.OPENINGS[0]), choice))


def _priors(case: Case, passage: Passage, choice: Spans, weight: float) -> tuple[float, ...]:
    """Of each run the weighted worth; those that retrieval finds too long hardly count."""
    worths = {
        (run.first, run.num_sentences): run.worth for run in case.runs if run.passage is passage
    }
    runs = choice.runs(SpanSource(passage.sentences))
    return tuple(weight * worths[run] if run in worths else TOO_LONG for run in runs)


def _quoted(case: Case, out: RequestOutput) -> str:
    (choice,) = out.choices
    sentences = case.passages[choice.source].sentences
    return " ".join(sentences[choice.first : choice.first + choice.num_sentences])


def _sentence_logprobs(engine: Engine, case: Case, question: str) -> dict[str, list[float]]:
    """Of each single sentence, quoted as the answer, its tokens' log-probabilities."""
    texts = list(dict.fromkeys(run.text for run in case.runs_of(1)))
    heads = (Exactly(phrases.OPENINGS[0]), Exactly(" "))
    params = [
        SamplingParams(max_tokens=512, logprobs=0, guide=(*heads, Exactly(text, quote=True)))
        for text in texts
    ]
    prompt = case.prompt(question)
    head = engine.generate([prompt], SamplingParams(max_tokens=64, guide=heads))[0]
    outputs = engine.generate([prompt] * len(texts), params)
    return {
        text: [one.logprob for one in out.logprobs[len(head.token_ids) :]]
        for text, out in zip(texts, outputs, strict=True)
    }


def _is_best_right(case: Case, scores: dict[str, float], weight: float) -> bool:
    runs = case.runs_of(1)
    return case.is_right(max(runs, key=lambda run: scores[run.text] + weight * run.worth).text)


def _of(values: Sequence[bool], chosen: Iterable[bool]) -> list[bool]:
    return [value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen]


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / max(1, len(hits))


def _changes(before: Sequence[bool], after: Sequence[bool]) -> tuple[int, int]:
    """Questions that became right, and that became wrong."""
    pairs = list(zip(before, after, strict=True))
    return sum(b and not a for a, b in pairs), sum(a and not b for a, b in pairs)


def _sign_test(gained: int, lost: int) -> float:
    """How often chance alone would bring so uneven a change, two-sided."""
    num, most = gained + lost, max(gained, lost)
    tail = sum(math.comb(num, k) for k in range(most, num + 1)) / (1 << num)
    return min(1.0, 2 * tail)


if __name__ == "__main__":
    main()
