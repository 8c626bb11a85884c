"""More of an agent's day: all by the palette, moments, what is new, the bot's half answer."""

import re
from collections.abc import Callable

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.end_to_end.pages import AgentPage
from tests.end_to_end.server import AGENT_NAME, Careline
from tests.end_to_end.test_chat import QUESTION, agent, customer
from tests.end_to_end.test_desk import REPLY, find_with_palette, press, shown, sign_in

OpenWindow = Callable[[], Chrome]


def test_the_palette_does_what_the_page_can_do(careline: Careline, window: OpenWindow) -> None:
    desk = sign_in(careline, window)
    find_with_palette(desk, "Jonas")
    desk.until(lambda: shown(desk, REPLY) != [], "the composer")

    desk.driver.find_element(By.TAG_NAME, "body").send_keys("p")
    assert desk.driver.switch_to.active_element.get_attribute("id") == "priority"
    press(desk, Keys.CONTROL, "k")
    desk.until(lambda: shown(desk, "#palette input") != [], "the palette")
    told = shown(desk, "#palette-commands .found-text")
    assert {"Snooze until tomorrow at 9", "Write a note", "Go to API keys"} <= set(told)
    assert len(told) == len(set(told)) and "" not in told
    press(desk, "snooze for three", Keys.ENTER)

    desk.until(lambda: desk.badge() == "Snoozed")
    desk.act("wake")
    desk.until(lambda: desk.badge() != "Snoozed")
    assert desk.problems() == []


def test_a_snooze_needs_a_moment_that_is_to_come(careline: Careline, window: OpenWindow) -> None:
    desk = sign_in(careline, window)
    find_with_palette(desk, "Jonas")
    desk.until(lambda: shown(desk, REPLY) != [], "the composer")
    menu = desk.driver.find_element(By.CSS_SELECTOR, "[data-part=snooze-menu]")
    field = desk.driver.find_element(By.CSS_SELECTOR, "[data-part=snooze-moment]")

    menu.find_element(By.TAG_NAME, "summary").click()
    desk.driver.find_element(By.CSS_SELECTOR, "[data-until=moment]").click()
    assert field.get_attribute("validationMessage") == "Choose a moment that is still to come."
    assert menu.get_attribute("open")
    press(desk, Keys.ESCAPE)
    assert not menu.get_attribute("open")

    menu.find_element(By.TAG_NAME, "summary").click()
    desk.driver.execute_script("arguments[0].value = '2199-01-01T09:00'", field)
    assert desk.badge() != "Snoozed", "choosing is not pressing"
    desk.driver.find_element(By.CSS_SELECTOR, "[data-until=moment]").click()
    desk.until(lambda: desk.badge() == "Snoozed")
    assert any("2199" in text for text in shown(desk, ".closed"))
    desk.act("wake")
    desk.until(lambda: desk.badge() != "Snoozed")


def test_the_address_keeps_the_view_and_the_title_says_how_much_is_new(
    careline: Careline, window: OpenWindow
) -> None:
    desk = sign_in(careline, window)
    num = len(news(desk))
    assert num > 0 and desk.driver.title == f"({num}) Inbox · Careline"

    desk.driver.find_element(By.CSS_SELECTOR, 'a.view[href="/dashboard?view=resolved"]').click()
    desk.until(lambda: desk.driver.current_url.endswith("?view=resolved"), "the address")
    desk.driver.refresh()

    chosen = 'a.view[aria-current="page"]'
    assert "Resolved" in desk.driver.find_element(By.CSS_SELECTOR, chosen).text
    assert "Resolved" in desk.rows()[0].text
    desk.rows()[-1].click()
    desk.until(lambda: shown(desk, ".thread .meta time") != [], "a thread")
    assert re.match(r"[A-Z][a-z]{2} \d", shown(desk, ".thread .meta time")[0]), "with its day"


def test_what_the_bot_had_written_begins_the_reply(careline: Careline, window: OpenWindow) -> None:
    page, desk = customer(careline, window), agent(careline, window)
    page.ask(QUESTION)
    page.wait_for_answer(characters=10)
    with careline.held_engine():
        desk.open(page.conversation_id())
        desk.until(lambda: [one for one in desk.thread() if one.state == "streaming" and one.text])
        desk.act("takeover")
        desk.until(lambda: desk.badge() == AGENT_NAME, "the badge")
    draft = desk.driver.find_element(By.CSS_SELECTOR, "[data-part=draft]")
    desk.until(draft.is_displayed, "the bot's text is offered")
    draft.click()

    field = desk.driver.find_element(By.CSS_SELECTOR, ".reply textarea")
    taken = str(field.get_attribute("value"))
    assert len(taken) >= 10
    assert not draft.is_displayed()
    desk.type(" And I am Maya.")
    assert not draft.is_displayed(), "what was taken up is not offered again"
    desk.reply("")
    page.wait_for_text(f"{taken} And I am Maya.")
    assert desk.problems() == []


def news(desk: AgentPage) -> list[str]:
    """The conversations in which something is new, as often as something is."""
    found = desk.driver.find_elements(By.CSS_SELECTOR, "#news > li")
    return [str(one.get_attribute("data-key")).split()[0] for one in found]


def test_what_is_opened_is_not_new_any_more(careline: Careline, window: OpenWindow) -> None:
    desk = sign_in(careline, window)
    before = news(desk)
    opened = before[0]

    desk.driver.find_element(By.CSS_SELECTOR, f'a.row[href*="{opened}"]').click()
    left = [one for one in before if one != opened]
    desk.until(lambda: news(desk) == left, "the news")
    desk.until(lambda: desk.driver.title.startswith(f"({len(left)}) " if left else ""), "the title")

    unread = f'a.row[href*="{opened}"][data-unread]'
    assert desk.driver.find_elements(By.CSS_SELECTOR, unread) == []
    assert desk.problems() == []
