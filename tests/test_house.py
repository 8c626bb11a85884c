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


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def is_kernel(function: ast.FunctionDef) -> bool:
    return any("triton.jit" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_every_operation_with_a_kernel_has_a_truth() -> None:
    truths = {name for path in (ROOT / "kernels").glob("reference*.py") for name in functions(path)}
    faces = [
        path
        for path in (ROOT / "kernels").glob("*.py")
        if "runs_triton(" in path.read_text(encoding="utf-8") and path.stem != "dispatch"
    ]
    assert faces, "no operation has a kernel"
    for path in faces:
        operations = {
            name
            for name, function in functions(path).items()
            if not name.startswith(("_", "launch")) and not is_kernel(function)
        }
        missing = operations - truths
        assert not missing, f"{path.name}: {missing} has no reference"
        assert path.stem in operations, f"{path.name} is not named after what it does"


def test_every_kernel_is_tested_and_compiled_ahead() -> None:
    compiled = {
        alias.name
        for path in (ROOT / "tests/kernels").glob("*launches.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "kernels"
        for alias in node.names
    }
    for name in tuple(compiled):  # a launcher may call another one
        text = (ROOT / f"kernels/{name}.py").read_text(encoding="utf-8")
        compiled |= set(re.findall(r"(\w+)\.launch", text))
    for path in (ROOT / "kernels").glob("*.py"):
        kernels = [name for name, one in functions(path).items() if is_kernel(one)]
        if not kernels:
            continue
        test = ROOT / f"tests/kernels/test_{path.stem}.py"
        assert test.is_file(), f"kernels/{path.name} has no test"
        assert "reference" in test.read_text(encoding="utf-8"), f"{test.name} compares with nothing"
        text = path.read_text(encoding="utf-8")
        if any(f"{name}[" in text for name in kernels):
            assert path.stem in compiled, f"kernels/{path.name} is not compiled ahead of time"


def test_kernels_are_launched_only_by_their_own_file() -> None:
    for path in SOURCES:
        if path.parent == ROOT / "kernels":
            continue
        found = re.findall(r"triton\.jit|from kernels\.\w+ import [^\n]*\b_\w+", path.read_text())
        assert not found or path == Path(__file__), f"{path.relative_to(ROOT)}: {found}"


def test_the_engine_runs_without_the_application() -> None:
    program = "import sys, inference.engine; assert not {'app', 'fastapi'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
