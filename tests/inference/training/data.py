"""A training data folder in miniature, in the format of the real one."""

import json
from collections.abc import Sequence
from pathlib import Path

import zstandard

FAQ = (
    "FAQ - Rowan Inn\nQ: Is breakfast included?\nA: Breakfast is included in all rates.\n"
    "Q: Can I bring my dog?\nA: Dogs stay free of charge. Please tell us before you arrive.\n"
    "Q: When is check-in?\nA: Check-in starts at 3 pm."
)


def write_data(folder: Path) -> Path:
    """Twelve dialogues of each kind, three articles, some intents; every fourth is held out."""
    folder.mkdir()
    splits = ["train", "train", "train", "dev"] * 3
    chat = [("customer", "Where is order {n}?"), ("agent", "Order {n} left us on Monday, sorry.")]
    faq = [("customer", "Can I bring my dog?"), ("agent", "Dogs stay free of charge.")]
    _write(
        folder / "dialogues-permissive-00.jsonl.zst",
        [
            _dialogue(source, n, split, None, chat)
            for source in ("cucom-ecommerce", "abcd-sample")
            for n, split in enumerate(splits)
        ],
    )
    _write(
        folder / "grounded-permissive-00.jsonl.zst",
        [_dialogue("dstc9-faq", n, split, FAQ, faq) for n, split in enumerate(splits)],
    )
    _write(
        folder / "articles-00.jsonl.zst",
        [
            {"source": "va-gov", "id": str(n), "title": f"Page {n}", "text": "Call us. " * (n + 1)}
            for n in range(3)
        ],
    )
    _write(
        folder / "intents-permissive.jsonl.zst",
        [
            {"source": "banking77", "split": split, "text": f"{said} {n}", "intent": intent}
            for n, split in enumerate(splits)
            for intent, said in (("card_arrival", "where is card"), ("card_lost", "i lost card"))
        ],
    )
    return folder


def _dialogue(
    source: str, number: int, split: str, context: str | None, lines: list[tuple[str, str]]
) -> dict[str, object]:
    turns = [{"role": role, "text": text.replace("{n}", str(number))} for role, text in lines]
    return {
        "source": source,
        "id": str(number),
        "split": split,
        "context": context,
        "turns": turns,
        "tags": ["constructed"] if context else [],
    }


def _write(path: Path, records: Sequence[dict[str, object]]) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(zstandard.ZstdCompressor().compress(lines.encode()))
