"""A browser and the application, both as they are."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from selenium.webdriver import Chrome

from tests.end_to_end.browser import (
    DESKTOP,
    MISSING,
    chromium,
    forget_everything,
    is_installed,
    show_as,
)
from tests.end_to_end.server import Careline, write_script

SLOWLY = "standard delivery"
"""A question with these words is answered slowly enough for the engine to be held meanwhile."""
DELAY_MS = 150.0


@pytest.fixture(scope="session")
def careline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Careline]:
    """The demo company."""
    folder = tmp_path_factory.mktemp("careline")
    engine = write_script(folder / "script.jsonl", slowly=SLOWLY, delay_ms=DELAY_MS)
    running = Careline.launch(folder / "data", "--engine", engine)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Chrome]]:
    """The first, second, ... browser, each with a profile of its own, started when asked for."""
    assert is_installed(), MISSING
    with ExitStack() as stack:
        started: list[Chrome] = []

        def browser(number: int) -> Chrome:
            while len(started) <= number:
                profile = tmp_path_factory.mktemp("profile")
                started.append(stack.enter_context(chromium(profile)))
            return started[number]

        yield browser


@pytest.fixture
def window(browsers: Callable[[int], Chrome], careline: Careline) -> Callable[[], Chrome]:
    """Opens browsers that know nothing of each other, nor of the test before."""
    opened: list[Chrome] = []

    def open_window() -> Chrome:
        driver = browsers(len(opened))
        opened.append(driver)
        forget_everything(driver, careline.url)
        show_as(driver, DESKTOP)
        return driver

    return open_window
