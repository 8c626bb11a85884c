"""A browser and the application, both as they are."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.end_to_end.browser import MISSING, chromium, is_installed
from tests.end_to_end.server import Careline, write_script

DELAY_MS = 60.0

if not is_installed():
    pytest.skip(MISSING, allow_module_level=True)


@pytest.fixture(scope="module")
def careline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Careline]:
    """The demo company with a bot that writes slowly enough to be interrupted."""
    folder = tmp_path_factory.mktemp("careline")
    running = Careline.launch(folder / "data", write_script(folder / "script.jsonl", DELAY_MS))
    yield running
    running.stop()


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Callable[[], Chrome]]:
    """Opens browsers that know nothing of each other."""
    with ExitStack() as stack:
        opened: list[Chrome] = []

        def open_window() -> Chrome:
            driver = stack.enter_context(chromium(tmp_path / f"profile{len(opened)}"))
            opened.append(driver)
            return driver

        yield open_window
