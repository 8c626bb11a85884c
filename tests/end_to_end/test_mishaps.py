"""What goes wrong at the desk and in the office is told so that everybody can read it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.end_to_end.browser import DESKTOP, PHONE, show_as
from tests.end_to_end.pages import AgentPage
from tests.end_to_end.server import Careline
from tests.end_to_end.test_pages import barriers, is_shown

OpenWindow = Callable[[], Chrome]
_PASSED_ON = "UPDATE conversation SET control_epoch = control_epoch + 1 WHERE id = ?"
_STAYS = """
const notice = arguments[0];
const watch = new MutationObserver(() => { notice.hidden = false; });
watch.observe(notice, { attributes: true, attributeFilter: ["hidden"] });
"""
"""It goes by itself after some seconds; looking at it may take longer."""
_GIVEN_UP = """
UPDATE webhook_endpoint SET disabled_at = created_at, disabled_reason = ? WHERE name = ?
"""


@pytest.fixture
def desk(careline: Careline, window: OpenWindow) -> AgentPage:
    """A browser in which the owner has signed in."""
    page = AgentPage(window())
    page.sign_in(careline.url)
    return page


@contextmanager
def given_up(careline: Careline, desk: AgentPage, name: str) -> Iterator[None]:
    """A webhook that Careline has switched off, for the block."""
    desk.driver.get(f"{careline.url}/dashboard/webhooks")
    for field, value in (("name", name), ("url", "https://gone.example/hook")):
        desk.driver.find_element(By.NAME, field).send_keys(value)
    desk.driver.find_element(By.CSS_SELECTOR, "form.card .button.primary").click()

    def is_given_up() -> bool:
        """As soon as what the form has sent is stored."""
        with sqlite3.connect(careline.data / "careline.db") as database:
            cursor = database.execute(_GIVEN_UP, ["It answered 410: nobody is there.", name])
        return cursor.rowcount == 1

    desk.until(is_given_up, "the webhook")
    try:
        yield
    finally:
        with sqlite3.connect(careline.data / "careline.db") as database:
            database.execute("DELETE FROM webhook_endpoint WHERE name = ?", [name])


def test_axe_finds_no_barrier_in_a_refusal_at_the_desk(desk: AgentPage, careline: Careline) -> None:
    desk.driver.get(f"{careline.url}/dashboard?view=unassigned")
    desk.until(desk.rows)[0].click()
    desk.until(desk.thread)
    desk.until(lambda: is_shown(desk, "[data-act=takeover]"), "the button")
    conversation_id = UUID(desk.driver.current_url.split("?")[0][-36:])
    with sqlite3.connect(careline.data / "careline.db") as database:
        cursor = database.execute(_PASSED_ON, [conversation_id.hex])
        assert cursor.rowcount == 1, "somebody was faster"

    desk.act("takeover")

    notice = desk.until(lambda: is_shown(desk, "[data-part=notice]"), "a refusal")
    desk.driver.execute_script(_STAYS, notice)
    assert notice.text != "" and notice.get_attribute("role") == "alert"
    for screen in (DESKTOP, PHONE):
        assert barriers(desk, screen) == []


def test_axe_finds_no_barrier_in_what_careline_has_given_up(
    desk: AgentPage, careline: Careline
) -> None:
    with given_up(careline, desk, "Old CRM"):
        for path in ("", "/settings"):
            desk.driver.get(f"{careline.url}/dashboard{path}")
            told = desk.until(lambda: is_shown(desk, "[role=alert]"), "what was given up")
            assert "Old CRM was switched off" in told.text
            for screen in (DESKTOP, PHONE):
                assert barriers(desk, screen) == [], path


def test_axe_finds_no_barrier_in_a_form_that_was_refused(
    desk: AgentPage, careline: Careline
) -> None:
    desk.driver.get(f"{careline.url}/dashboard/settings")
    zone = desk.driver.find_element(By.NAME, "timezone")
    zone.clear()
    zone.send_keys("Nowhere/Atall")
    zone.submit()

    told = desk.until(lambda: is_shown(desk, ".field-error"), "what is wrong")
    field = desk.driver.find_element(By.NAME, "timezone")
    assert field.get_attribute("aria-describedby") == told.get_attribute("id")
    assert field.get_attribute("value") == "Nowhere/Atall"
    show_as(desk.driver, DESKTOP)
    assert barriers(desk) == []


def test_axe_finds_no_barrier_in_pages_that_are_not_there(
    desk: AgentPage, careline: Careline
) -> None:
    for path in (
        "/dashboard/nowhere",
        "/dashboard/conversations/00000000-0000-0000-0000-000000000007",
    ):
        desk.driver.get(careline.url + path)
        assert is_shown(desk, ".error-code") is not None, path
        for screen in (DESKTOP, PHONE):
            assert barriers(desk, screen) == [], path
