"""Compile a Triton kernel for a GPU that need not be there.

In a process of its own: the interpreter that the other tests need is chosen for a whole process.
"""

import json
import os
import subprocess
import sys
from typing import Any

_PROGRAM = """
import importlib, json, sys, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
module, name, signature, constants, capability = json.loads(sys.argv[1])
kernel = getattr(importlib.import_module(module), name)
source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32))
target = [line for line in compiled.asm["ptx"].splitlines() if line.startswith(".target")]
print(json.dumps({"target": target[0], "cubin_bytes": len(compiled.asm["cubin"])}))
"""


def compile_ahead(
    module: str,
    kernel: str,
    signature: dict[str, str],
    constants: dict[str, int],
    capability: int,
) -> dict[str, Any]:
    """The target named in the PTX and the size of the machine code."""
    arguments = json.dumps([module, kernel, signature, constants, capability])
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report
