"""One run's figures: printed as a table, kept as flat JSON.

Machines are noisy, so a figure is a median and is set against a baseline of the same run.
"""

import argparse
import datetime
import importlib.metadata
import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

PACKAGES = ("torch", "transformers", "triton", "tokenizers", "numpy")


@dataclass
class Report:
    """Figures by name; `ratio` is value over baseline, so above 1 is more."""

    title: str
    path: Path | None = None
    """Where they are kept, from the first on: a run that is ended early leaves what it has."""
    figures: dict[str, dict[str, object]] = field(default_factory=dict)

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        baseline: str | None = None,
        baseline_value: float | None = None,
    ) -> None:
        """Keep a figure, and print it at once: a long run should say how far it is."""
        ratio = value / baseline_value if baseline_value else None
        self.figures[name] = {
            "value": round(value, 4),
            "unit": unit,
            "baseline": baseline,
            "baseline_value": round(baseline_value, 4) if baseline_value else None,
            "ratio": round(ratio, 3) if ratio else None,
        }
        against = f"  {ratio:5.2f} x {baseline} ({baseline_value:.4g})" if ratio else ""
        print(f"{name:44} {value:10.4g} {unit:10}{against}", flush=True)
        if self.path is not None:
            self._save(self.path)

    def _save(self, path: Path) -> None:
        # The flat object, with machine, versions and date.
        whole: dict[str, object] = dict(self.figures)
        whole["machine"] = machine()
        whole["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES}
        whole["date"] = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def arguments(description: str) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="smaller sizes; ends within 60 s")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    return parser


def median(measure: Callable[[], float], runs: int, warmups: int = 1) -> float:
    """The median of `runs` measurements after warming up."""
    for _ in range(warmups):
        measure()
    return statistics.median(measure() for _ in range(runs))


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": cpu, "threads": torch.get_num_threads(), "gpu": gpu}
