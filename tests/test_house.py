"""The house keeps its shape: floors, file length, every kernel with its truth and its test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {"app": 3, "inference": 2, "kernels": 1}
FOLDERS = (*FLOORS, "tests", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
MAX_LINES = 400


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_import_downwards(path: Path) -> None:
    relative = path.relative_to(ROOT)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    floor = FLOORS.get(relative.parts[0], 4)
    for name in imports(path):
        top = name.split(".")[0]
        assert FLOORS.get(top, 0) <= floor, f"{relative} imports {name} from a floor above"
        if floor < 4:
            assert top not in ("tests", "benchmarks", "migrations"), f"{relative} imports {name}"


def test_app_uses_only_the_door_of_inference() -> None:
    for path in (ROOT / "app").rglob("*.py"):
        behind = {name for name in imports(path) if name.startswith("inference.")}
        assert not behind, f"{path.relative_to(ROOT)} imports {behind}, not the door `inference`"


def test_the_engine_never_unpickles() -> None:
    forbidden = re.compile(r"\b(pickle|marshal|shelve)\b|torch\.load\((?!.*weights_only=True)")
    for path in (ROOT / "inference").rglob("*.py"):
        if "training" in path.parts:
            continue  # its checkpoints are its own
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if re.search(r"^\s*(import|from)\b|torch\.load", line)]
        assert not [line for line in found if forbidden.search(line)], path


def test_every_kernel_has_a_truth_and_a_test() -> None:
    truths = {
        node.name
        for path in (ROOT / "kernels").glob("reference*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    kernels = {path.stem for path in (ROOT / "kernels").glob("[!_]*.py")}
    kernels = {name for name in kernels if not name.startswith("reference")}
    assert kernels, "the folder of kernels is empty"
    for name in kernels:
        assert name in truths, f"kernels/{name}.py has no reference"
        assert (ROOT / f"tests/kernels/test_{name}.py").is_file(), f"{name} has no test"


def test_the_engine_runs_without_the_application() -> None:
    program = "import sys, inference.engine; assert not {'app', 'fastapi'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
