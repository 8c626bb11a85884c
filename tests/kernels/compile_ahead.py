"""Compile what the launchers would launch, for GPUs that need not be there.

Run in a process of its own, since the interpreter that the other tests need is chosen for a whole
process: `python -m tests.kernels.compile_ahead 90 MODULE.NAME...` runs functions of
`tests.kernels.launches` and its kind with the launching taken out. Every kernel is compiled with
the arguments it was launched with, and the disassembler says what it needs.
"""

import importlib
import inspect
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

TYPES = {
    torch.bool: "i1",
    torch.bfloat16: "bf16",
    torch.float16: "fp16",
    torch.float32: "fp32",
    torch.float64: "fp64",
    torch.float8_e4m3fn: "fp8e4nv",
    torch.int8: "i8",
    torch.uint8: "u8",
    torch.int32: "i32",
    torch.int64: "i64",
}


@dataclass(frozen=True)
class Compiled:
    """One kernel for one GPU."""

    case: str
    kernel: str
    target: str
    registers: int
    """Of a thread; 255 are the most."""
    stack_bytes: int
    """Of a thread, in memory for want of registers."""
    shared_bytes: int


def known_cases(capability: int) -> list[str]:
    """All functions of the modules of launches, as `module.name`, that there are for a GPU.

    One that ends in `_from_89` needs that capability.
    """
    found = []
    for path in sorted(Path(__file__).parent.glob("*launches.py")):
        module = importlib.import_module(f"tests.kernels.{path.stem}")
        functions = inspect.getmembers(module, inspect.isfunction)
        own = [name for name, one in functions if one.__module__ == module.__name__]
        found += [f"{path.stem}.{name}" for name in own if not name.startswith("_")]
    return [name for name in found if capability >= int(name.partition("_from_")[2] or 0)]


def compile_launches(case: str, capability: int) -> list[Compiled]:
    """All kernels that a function, `module.name` in `tests.kernels`, launches."""
    found: list[Compiled] = []

    def instead_of_running(kernel: Any, *args: Any, grid: Any, warmup: bool, **named: Any) -> None:
        found.append(_compile(kernel, args, named, case, capability))

    triton.JITFunction.run = instead_of_running
    module, name = case.split(".")
    getattr(importlib.import_module(f"tests.kernels.{module}"), name)()
    assert found, f"{case} launches nothing"
    return found


def _compile(
    kernel: Any, args: tuple[Any, ...], named: dict[str, Any], case: str, capability: int
) -> Compiled:
    parameters = inspect.signature(kernel.fn).parameters
    options = {name: value for name, value in named.items() if name not in parameters}
    given = {name: value for name, value in named.items() if name in parameters}
    bound = inspect.signature(kernel.fn).bind(*args, **given).arguments
    signature, constants, hints = {}, {}, {}
    for place, parameter in enumerate(kernel.params):
        value = bound[parameter.name]
        if parameter.is_constexpr or (
            isinstance(value, int) and value == 1 and not parameter.do_not_specialize
        ):
            signature[parameter.name] = "constexpr"
            constants[parameter.name] = value
        else:
            signature[parameter.name] = _type(value)
            is_multiple = isinstance(value, torch.Tensor) or (
                isinstance(value, int) and value % 16 == 0 and not parameter.do_not_specialize
            )
            if is_multiple:
                hints[(place,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, constants, hints)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    return _measure(compiled, case, kernel.fn.__name__)


def _type(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "*" + TYPES[value.dtype]
    if isinstance(value, float):
        return "fp32"
    return "i32" if -(2**31) <= value < 2**31 else "i64"


def _measure(compiled: Any, case: str, kernel: str) -> Compiled:
    target = re.search(r"^\.target ([^\s,]+)", compiled.asm["ptx"], re.MULTILINE)
    assert target, "the PTX names no target"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
        done = subprocess.run(
            [tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True
        )
    used = dict(re.findall(r"(REG|STACK|SHARED|LOCAL):(\d+)", done.stdout))
    return Compiled(
        case=case,
        kernel=kernel,
        target=target[1],
        registers=int(used["REG"]),
        stack_bytes=int(used["STACK"]) + int(used["LOCAL"]),
        shared_bytes=compiled.metadata.shared,
    )


def main() -> None:
    """Print what was compiled as JSON."""
    capability = int(sys.argv[1])
    cases = sys.argv[2:] or known_cases(capability)
    compiled = [one for case in cases for one in compile_launches(case, capability)]
    print(json.dumps([asdict(one) for one in compiled]))  # noqa: T201


if __name__ == "__main__":
    main()
