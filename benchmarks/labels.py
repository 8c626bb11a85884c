"""How often suggested labels and intents are right, on public sets of customers' messages.

Each set stands for a company whose labels are its intents: the label of a message is to be named
among twenty, with so many earlier messages of each label to learn from (none: the names alone).
Nothing is fitted on a test part. `--data` is a folder with `intents-*.jsonl.zst`, a line
`{"text", "intent", "source", "split"}`; `--fit` prints weights for `app/copilot/labels.py`
from train parts and measures nothing.
"""

import argparse
import json
import random
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.copilot import labels
from app.copilot.labels import Closeness, Labelled, closeness, suggest
from app.copilot.reading import Reader
from app.evaluation.measures import Share
from app.knowledge.meaning import open_meaning
from app.triage.intents import find_intent
from benchmarks.report import Report, arguments

SOURCES = ("bitext", "banking77", "clinc150")
NUM_LABELS = 20
NUM_EXAMPLES = (0, 1, 2, 4, 8)
NO_LABEL = "oos"
"""Messages that fit no label of their set."""
INTENTS = {
    "cancel_order": "cancellation", "check_cancellation_fee": "cancellation",
    "change_order": "change_order", "change_shipping_address": "delivery",
    "set_up_shipping_address": "delivery", "delivery_options": "delivery",
    "delivery_period": "delivery", "check_invoice": "invoice", "get_invoice": "invoice",
    "check_payment_methods": "payment", "payment_issue": "payment",
    "check_refund_policy": "refund", "get_refund": "refund", "track_refund": "refund",
    "complaint": "complaint", "contact_customer_service": "contact",
    "contact_human_agent": "contact", "create_account": "account", "delete_account": "account",
    "edit_account": "account", "recover_password": "account", "registration_problems": "account",
    "switch_account": "account", "newsletter_subscription": "account",
    "place_order": "new_order", "review": "feedback", "track_order": "order_status",
}  # fmt: skip
"""The intents of one of the sets, and ours."""


@dataclass(frozen=True)
class Case:
    """A message, the label it should get (None: none), and what is there to learn from."""

    text: str
    label: str | None
    names: tuple[str, ...]
    earlier: tuple[Labelled, ...]


@dataclass
class Texts:
    """Of one set: by label, and those without."""

    train: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    test: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    """Print the figures, or the weights."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    sets = read_sets(options.data)
    if options.fit:
        fit(sets)
    else:
        measure(sets, options)


def read_sets(folder: Path) -> dict[str, Texts]:
    """Of every source that has labels a company could have."""
    sets = {source: Texts() for source in SOURCES}
    for path in sorted(folder.glob("intents-*.jsonl.zst")):
        unpacked = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout
        for line in unpacked.decode().splitlines():
            row = json.loads(line)
            if row["source"] in sets and row["split"] in ("train", "test"):
                texts = sets[row["source"]]
                part = texts.train if row["split"] == "train" else texts.test
                part[row["intent"]].append(row["text"])
    return sets


def cases(texts: Texts, num_examples: int, asked: Sequence[tuple[str, str]]) -> Iterator[Case]:
    """A company of twenty labels around each message; the first train messages are its own."""
    rng = random.Random(num_examples)
    names = sorted(set(texts.train) - {NO_LABEL})
    for text, label in asked:
        others = rng.sample([name for name in names if name != label], NUM_LABELS)
        mine = sorted(others if label == NO_LABEL else [label, *others[1:]])
        earlier = [
            Labelled(one, frozenset({name}))
            for name in mine for one in texts.train[name][:num_examples]
        ]  # fmt: skip
        yield Case(text, None if label == NO_LABEL else label, tuple(mine), tuple(earlier))


def measure(sets: dict[str, Texts], options: argparse.Namespace) -> None:
    """On test parts."""
    report = Report("labels", options.json)
    reader = Reader(open_meaning(), at_once=1_000)
    num = 30 if options.quick else 300
    for source, texts in sets.items():
        asked = _drawn(texts.test, num, 0)
        for num_examples in NUM_EXAMPLES:
            name = f"{source}.{num_examples}_examples"
            _add_labels(report, name, list(cases(texts, num_examples, asked)), reader)
    _add_intents(report, sets["bitext"].test, 30 if options.quick else None)


def _add_labels(report: Report, name: str, some: Sequence[Case], reader: Reader) -> None:
    found = [(one, suggest(one.text, one.names, one.earlier, reader)) for one in some]
    known = [(one, shown) for one, shown in found if one.label is not None]
    right = sum(bool(shown) and shown[0].name == one.label for one, shown in known)
    among = sum(any(label.name == one.label for label in shown) for one, shown in known)
    num_shown = sum(len(shown) for _, shown in known)
    _add(report, f"{name}.first_right", right, len(known))
    _add(report, f"{name}.among_shown", among, len(known))
    _add(report, f"{name}.shown_that_are_right", among, num_shown)
    _add(report, f"{name}.none_shown", sum(not shown for _, shown in known), len(known))
    unknown = [shown for one, shown in found if one.label is None]
    if unknown:
        _add(report, f"{name}.shown_where_none_fits", sum(map(bool, unknown)), len(unknown))


def _add_intents(report: Report, test: dict[str, list[str]], num: int | None) -> None:
    asked = [(text, label) for label, texts in sorted(test.items()) for text in texts]
    asked = random.Random(0).sample(asked, num) if num else asked
    right = sum(find_intent(text).intent == INTENTS[label] for text, label in asked)
    _add(report, "bitext.intent_right", right, len(asked))


def _add(report: Report, name: str, num: int, total: int) -> None:
    share = Share(num, total)
    report.add(name, share.value or 0.0, "share")
    low, high = share.interval
    report.add(f"{name}.low", low, "share")
    report.add(f"{name}.high", high, "share")


def _drawn(part: dict[str, list[str]], num: int, start: int) -> list[tuple[str, str]]:
    """So many messages, and half as many that fit no label; none of the first `start` of each."""
    rng = random.Random(0)
    known = [
        (text, label) for label, texts in sorted(part.items()) if label != NO_LABEL
        for text in texts[start:]
    ]  # fmt: skip
    unknown = [(text, NO_LABEL) for text in part.get(NO_LABEL, [])]
    return rng.sample(known, num) + rng.sample(unknown, min(num // 2, len(unknown)))


def fit(sets: dict[str, Texts]) -> None:
    """Logistic regression on train messages that no company of the kind has labelled itself."""
    reader = Reader(open_meaning(), at_once=1_000)
    seen: list[tuple[str | None, dict[str, Closeness]]] = []
    for texts in sets.values():
        asked = _drawn(texts.train, 120, max(NUM_EXAMPLES))
        for num_examples in NUM_EXAMPLES:
            for one in cases(texts, num_examples, asked):
                near = closeness(one.text, one.names, one.earlier, reader)
                seen.append((one.label, near))
    for kind, width in (("NEW", len(labels.NEW_WEIGHTS)), ("LEARNED", len(labels.LEARNED_WEIGHTS))):
        rows = [
            (one.features, name == label) for label, near in seen for name, one in near.items()
            if len(one.features) == width
        ]  # fmt: skip
        setattr(labels, f"{kind}_WEIGHTS", _print_fitted(f"{kind}_WEIGHTS", rows))
    _print_fitted("SURE_WEIGHTS", [
        (features, name == label) for label, near in seen
        for name, features in labels.leads(near).items()
    ])  # fmt: skip


def _print_fitted(name: str, rows: Sequence[tuple[tuple[float, ...], bool]]) -> tuple[float, ...]:
    features, right = zip(*rows, strict=True)
    weights = _regression(np.array(features), np.array(right, dtype=float))
    print(f"{name} = ({', '.join(f'{weight:.2f}' for weight in weights)})")
    return tuple(float(weight) for weight in weights)


def _regression(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Newton's method; the ridge keeps a feature that is hardly ever there small."""
    weights, ridge = np.zeros(x.shape[1]), np.eye(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (p - y) + weights
        weights -= np.linalg.solve((x.T * (p * (1 - p))) @ x + ridge, slope)
    return weights


if __name__ == "__main__":
    main()
