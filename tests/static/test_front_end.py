"""The scripts and styles: tested, typed, built from what is committed, and small."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "app" / "static"
BUILD = STATIC / "build"
MAX_LOADER_BYTES = 4_096
MAX_CHAT_BYTES = 26 * 1_024
MAX_AGENT_BYTES = 40 * 1_024

MISSING = "Node.js 20 or its packages are missing: install node, then npm ci --ignore-scripts"


@pytest.fixture(scope="module")
def node() -> None:
    assert shutil.which("node") and (ROOT / "node_modules" / "esbuild").exists(), MISSING


def manifest() -> dict[str, str]:
    names: dict[str, str] = json.loads((BUILD / "manifest.json").read_bytes())
    return names


def compressed_size(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), compresslevel=9)) for path in paths)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=5 * PATIENCE_S
    )


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    "command",
    [
        ("node", "app/static/test.mjs"),
        ("node", "node_modules/typescript/bin/tsc", "--noEmit", "-p", "app/static/tsconfig.json"),
    ],
    ids=["tests", "types"],
)
def test_scripts_hold_what_they_promise(command: tuple[str, ...]) -> None:
    ran = run(*command)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.usefixtures("node")
def test_the_committed_build_is_the_build_of_the_committed_sources(tmp_path: Path) -> None:
    ran = run("node", "app/static/build.mjs", str(tmp_path))
    assert ran.returncode == 0, ran.stderr

    for folder in ("build", "vendor"):
        built = {path.relative_to(tmp_path): path for path in (tmp_path / folder).rglob("*.*")}
        kept = {path.relative_to(STATIC) for path in (STATIC / folder).rglob("*.*")}
        assert kept == built.keys(), "run `npm run build` and commit what it wrote"
        for name, path in built.items():
            if path.is_file():
                assert path.read_bytes() == (STATIC / name).read_bytes(), name


def test_what_a_shop_loads_is_small() -> None:
    assert compressed_size(BUILD / "widget.js") <= MAX_LOADER_BYTES
    assert compressed_size(BUILD / manifest()["widget-app.js"]) <= MAX_CHAT_BYTES
    htmx = STATIC / "vendor" / "htmx" / "htmx.min.js"
    assert compressed_size(BUILD / manifest()["agent.js"], htmx) <= MAX_AGENT_BYTES


def test_what_is_not_ours_comes_with_its_licence() -> None:
    lock = json.loads((STATIC / "vendor" / "vendor.lock.json").read_bytes())
    pinned = json.loads((ROOT / "package.json").read_bytes())["devDependencies"]
    for folder, entry in lock.items():
        assert (STATIC / "vendor" / folder / "LICENSE").exists()
        assert pinned[entry["package"]] == entry["version"]


def test_pins_are_exact_and_name_no_registry() -> None:
    package = json.loads((ROOT / "package.json").read_bytes())
    assert all(version[0].isdigit() for version in package["devDependencies"].values())
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
