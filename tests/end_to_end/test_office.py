"""The office's pages in a browser: the strict policy, no barriers, and what they are for."""

from collections.abc import Callable

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.end_to_end.browser import PHONE, show_as
from tests.end_to_end.pages import AgentPage
from tests.end_to_end.server import Careline
from tests.end_to_end.test_pages import barriers

PATHS = (
    "/articles",
    "/articles/new",
    "/bench",
    "/gaps",
    "/import",
    "/reports",
    "/engine",
    "/engine/answers",
    "/settings",
    "/widget",
    "/keys",
    "/members",
    "/replies",
    "/labels",
    "/contacts",
    "/webhooks",
    "/connectors",
    "/audit",
)
OpenWindow = Callable[[], Chrome]


class OfficePage(AgentPage):
    """The pages beside the inbox."""

    def find(self, selector: str) -> WebElement:
        """The first element that fits, as soon as there is one."""
        found = self.driver.find_elements
        return self.until(lambda: next(iter(found(By.CSS_SELECTOR, selector)), None), selector)


@pytest.fixture
def office(careline: Careline, window: OpenWindow) -> OfficePage:
    """A browser in which the owner has signed in."""
    page = OfficePage(window())
    page.sign_in(careline.url)
    return page


def test_no_page_has_a_barrier_or_breaks_its_policy(careline: Careline, office: OfficePage) -> None:
    found: dict[str, list[str]] = {}
    for path in PATHS:
        office.driver.get(f"{careline.url}/dashboard{path}")
        office.find(".office-main h1")
        found[path] = [*barriers(office), *office.problems()]

    assert {path: told for path, told in found.items() if told} == {}


def test_no_page_is_wider_than_a_phone(careline: Careline, office: OfficePage) -> None:
    show_as(office.driver, PHONE)
    for path in PATHS:
        office.driver.get(f"{careline.url}/dashboard{path}")
        main = office.find(".office-main")
        widths = "return [arguments[0].scrollWidth, arguments[0].clientWidth]"
        inner, outer = office.driver.execute_script(widths, main)
        assert inner <= outer, path


def test_a_draft_is_previewed_asked_about_and_published(
    careline: Careline, office: OfficePage
) -> None:
    office.driver.get(f"{careline.url}/dashboard/articles/new")
    office.find('[name="title"]').send_keys("Kayak hire")
    office.find('[name="body_md"]').send_keys("Kayaks can be hired on Tuesdays.")
    office.until(lambda: "on Tuesdays" in office.find("#prose").text)
    office.find('[name="question"]').send_keys("When can I hire a kayak?")
    office.find("#ask button").click()
    office.until(lambda: "Kayaks can be hired on Tuesdays." in office.find("#draft-answer").text)
    assert barriers(office) == [], "the answer of a draft"
    office.find("#edit .button").click()
    office.until(lambda: "Saved." in office.find(".done").text)
    office.driver.find_element(By.XPATH, "//button[text()='Publish']").click()

    office.until(lambda: "Published" in office.find(".done").text)
    assert "version 1" in office.find(".office-title .badge").text


def test_the_bench_asks_all_questions(careline: Careline, office: OfficePage) -> None:
    office.driver.get(f"{careline.url}/dashboard/bench")
    office.driver.find_element(By.XPATH, "//button[text()='Ask all']").click()

    office.find("table")
    office.until(lambda: "Asking" not in office.find("table").text)
    assert "45 days" in office.find("table").text


def test_the_palette_goes_from_any_page_to_any_other(
    careline: Careline, office: OfficePage
) -> None:
    office.driver.get(f"{careline.url}/dashboard/reports")
    office.find("[data-open=palette]").click()
    office.until(lambda: office.find("#palette input").is_displayed())
    office.driver.switch_to.active_element.send_keys("audit", Keys.ENTER)

    office.until(lambda: office.driver.current_url.endswith("/dashboard/audit"))
    assert office.problems() == []


def test_whoever_leaves_half_an_article_is_asked_first(
    careline: Careline, office: OfficePage
) -> None:
    office.driver.get(f"{careline.url}/dashboard/articles/new")
    office.find("#edit")
    assert not is_kept(office)

    office.find('[name="title"]').send_keys("Kayak")
    assert is_kept(office)

    office.find('[name="body_md"]').send_keys("Kayaks can be hired.")
    office.find("#edit .button").click()
    office.until(lambda: "Saved." in office.find(".done").text)
    assert not is_kept(office)


def is_kept(office: OfficePage) -> bool:
    """Whether the browser would ask before this page goes."""
    leave = "return !dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    return bool(office.driver.execute_script(leave))
