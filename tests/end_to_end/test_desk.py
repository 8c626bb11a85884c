"""An agent's day at the desk: keyboard, notes, canned replies, drafts, snooze, labels."""

from collections.abc import Callable

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.end_to_end.pages import AgentPage
from tests.end_to_end.server import Careline

OpenWindow = Callable[[], Chrome]
REPLY = ".reply textarea"


def sign_in(careline: Careline, window: OpenWindow) -> AgentPage:
    desk = AgentPage(window())
    desk.sign_in(careline.url)
    return desk


def press(desk: AgentPage, *keys: str) -> None:
    """On whatever has the focus."""
    desk.driver.switch_to.active_element.send_keys(*keys)


def shown(desk: AgentPage, selector: str) -> list[str]:
    """The texts of what fits and is visible."""
    found = desk.driver.find_elements(By.CSS_SELECTOR, selector)
    return [element.text for element in found if element.is_displayed()]


def value(desk: AgentPage) -> str:
    return str(desk.driver.find_element(By.CSS_SELECTOR, REPLY).get_attribute("value"))


def find_with_palette(desk: AgentPage, words: str) -> None:
    press(desk, Keys.CONTROL, "k")
    desk.until(lambda: shown(desk, "#palette input") != [], "the palette")
    press(desk, words)
    desk.until(lambda: any(words in text for text in shown(desk, "a.found")), "what was found")
    press(desk, Keys.ENTER)
    desk.until(lambda: "/conversations/" in desk.driver.current_url and desk.thread(), "a thread")


def test_a_draft_is_on_the_server_and_a_canned_reply_comes_by_its_first_letters(
    careline: Careline, window: OpenWindow
) -> None:
    desk = sign_in(careline, window)
    find_with_palette(desk, "Felix")
    desk.until(lambda: shown(desk, REPLY) != [], "the composer")

    desk.type("/hel")
    desk.until(lambda: shown(desk, ".suggestions li") != [], "canned replies")
    press(desk, Keys.ENTER)
    canned = value(desk)
    press(desk, Keys.TAB)
    desk.until(lambda: kept(desk, canned), "the draft after a reload")

    assert len(canned) > len("/hel") and "/hel" not in canned
    assert desk.problems() == []


def kept(desk: AgentPage, text: str) -> bool:
    """Whether a fresh page has it."""
    desk.driver.refresh()
    return value(desk) == text


def test_a_note_and_a_snooze_by_keyboard(careline: Careline, window: OpenWindow) -> None:
    desk = sign_in(careline, window)
    find_with_palette(desk, "Jonas")
    desk.until(lambda: shown(desk, REPLY) != [], "the composer")

    desk.driver.find_element(By.TAG_NAME, "body").send_keys("n")
    press(desk, "@to")
    desk.until(lambda: "Tom Okafor" in shown(desk, ".suggestions li strong"), "colleagues")
    press(desk, Keys.ENTER, "please take this one", Keys.ENTER)
    desk.until(lambda: any("note" in one.kind and one.text for one in desk.thread()), "the note")
    desk.until(lambda: "please take this one" in desk.thread()[-1].text)
    press(desk, Keys.TAB)
    desk.driver.find_element(By.CSS_SELECTOR, "[data-part=snooze-menu] > summary").click()
    desk.driver.find_element(By.CSS_SELECTOR, "[data-until=tomorrow]").click()

    desk.until(lambda: desk.badge() == "Snoozed")
    desk.until(lambda: any("Snoozed until" in text for text in shown(desk, ".closed")))
    desk.act("wake")
    desk.until(lambda: desk.badge() == "Maya Lindqvist")
    assert desk.problems() == []


def test_a_label_and_a_search_find_the_conversation_in_the_list(
    careline: Careline, window: OpenWindow
) -> None:
    desk = sign_in(careline, window)
    find_with_palette(desk, "Ingrid")

    desk.driver.find_element(By.CSS_SELECTOR, "#new-label").send_keys("Lost parcel", Keys.ENTER)
    desk.until(lambda: "lost parcel" in " ".join(shown(desk, ".labels .label")), "the label")
    desk.driver.find_element(By.CSS_SELECTOR, "#filter-q").send_keys("heard nothing")

    def is_found() -> bool:
        texts = [row.text for row in desk.rows()]
        return len(texts) == 1 and "Ingrid Solberg" in texts[0] and "lost parcel" in texts[0]

    desk.until(is_found, "one row with its label")
    assert desk.problems() == []
