"""The whole path with the real engine: paged cache, drafts, verification, in its own process."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.end_to_end.pages import CustomerPage
from tests.end_to_end.server import Careline
from tests.tiny_models import save_tiny_llama

QUESTION = "How long does standard delivery take?"
FACT = "Standard delivery takes 3 to 5 working days within the 48 contiguous states."


@pytest.fixture
def with_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Careline]:
    """The demo company; random weights say what they like, but the facts are copied."""
    folder = tmp_path_factory.mktemp("real")
    model = save_tiny_llama(folder / "model", max_positions=4_096)
    running = Careline.launch(
        folder / "data", "--model", str(model), "--speculator", "ngram", "--num-blocks", "512"
    )
    yield running
    running.stop()


def test_the_engine_answers_in_the_browser_before_and_after_it_was_killed(
    with_engine: Careline, window: Callable[[], Chrome]
) -> None:
    page = CustomerPage(window())
    page.driver.get(with_engine.url)
    page.open_chat()
    page.ask(QUESTION)
    first = page.wait_for_whole_answer()
    assert first.text.count(FACT) == 1

    with_engine.kill_engine()
    page.ask("How do I return an item?")
    page.wait_for_text("within 45 days of delivery.")
    second = page.wait_for_whole_answer()

    assert second.text.count("within 45 days of delivery.") == 1
    assert page.heard("answer.delta"), "the second answer came to a socket that had joined long ago"
    assert page.problems() == []
