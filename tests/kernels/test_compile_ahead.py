"""Every kernel compiles for the GPUs it is meant for, without one at hand, and fits in registers.

`python -m tests.kernels.compile_ahead 90` prints what each of them needs.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.kernels.compile_ahead import known_cases

# On 8.0 a tile of 64 lanes lacks a few registers; more warps would halve its products on 9.0.
MAX_STACK_BYTES = {80: 128, 90: 0}
# Of a program; what a multiprocessor has is 164 and 228 KB, of which 1 KB is the driver's.
MAX_SHARED_BYTES = {80: 163 << 10, 90: 227 << 10}


def _compile(capability: int, cases: list[str]) -> list[dict[str, Any]]:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.compile_ahead", str(capability), *cases],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("capability", [80, 90])
def test_all_kernels_compile_and_keep_to_registers(capability: int) -> None:
    cases = [case for case in known_cases(capability) if ".rare_" not in case]

    compiled = _compile(capability, cases)

    print(*compiled, sep="\n")  # noqa: T201  # shown when what follows fails
    assert {one["case"] for one in compiled} == set(cases)
    for one in compiled:
        assert one["target"].startswith(f"sm_{capability}"), one
        assert 0 < one["registers"] <= 255, one
        assert one["stack_bytes"] <= MAX_STACK_BYTES[capability], one
        assert one["shared_bytes"] <= MAX_SHARED_BYTES[capability], one
