"""Modules that are loaded when something of them is first used.

For the command line alone: its help must not cost what serving does. Elsewhere imports stand at the
top of a file and mean what they say. The recipe is that of the documentation of `importlib`.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType


def lazily(name: str) -> ModuleType:
    """The module `name`; its code runs at the first look at what is in it."""
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = find_spec(name)
    assert spec is not None and spec.loader is not None, f"there is no module {name}"
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """Around loading what stays for good: a tenth of it would go into looking for garbage.

    What is there at the end is never looked at again, which shortens every later look.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
