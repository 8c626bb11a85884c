"""Check and time everything on a GPU: the kernels, then the engine on three models.

    python -m benchmarks.gpu                 all parts, some twenty minutes
    python -m benchmarks.gpu kernels         one of them, within ten

Each part is a process of its own, so that one that dies takes no other along, and keeps its figures
as they come in `benchmarks/results/`; the kernels' roofline is drawn in `docs/`. Nothing of `app`
is needed.
"""

import argparse
import subprocess
import sys

PARTS = {
    "kernels": ["benchmarks.kernels"],
    "llama-3-8b": ["benchmarks.serving", "--shape", "llama-3-8b"],
    "granite-20b": ["benchmarks.serving", "--shape", "granite-20b"],
    "shipped": ["benchmarks.serving", "--no-websocket"],
}


def main() -> None:
    """Run the parts asked for, all by default; fails if one has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    options = parser.parse_args()
    if unknown := set(options.part) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    failed = [name for name in options.part or PARTS if not run(name, options)]
    if failed:
        raise SystemExit(f"not everything went well: {', '.join(failed)}")


def run(name: str, options: argparse.Namespace) -> bool:
    """Whether this part went well."""
    print(f"== {name}", flush=True)
    module, *rest = PARTS[name]
    command = [sys.executable, "-m", module, f"--device={options.device}", *rest]
    return subprocess.run([*command, *["--quick"] * options.quick], check=False).returncode == 0


if __name__ == "__main__":
    main()
