"""A customer, a bot and an agent in two browsers, over one running application."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.end_to_end.pages import AgentPage, CustomerPage
from tests.end_to_end.server import AGENT_NAME, Careline

QUESTION = "How long does standard delivery take?"
FACT = "3 to 5 working days"
WAITING = ("A person will join soon", "Nobody is here right now")
"""The one while an agent is there, or was a minute ago."""
OpenWindow = Callable[[], Chrome]


def customer(careline: Careline, window: OpenWindow) -> CustomerPage:
    page = CustomerPage(window())
    page.driver.get(careline.url)
    page.open_chat()
    return page


def agent(careline: Careline, window: OpenWindow) -> AgentPage:
    page = AgentPage(window())
    page.sign_in(careline.url)
    return page


def stored(careline: Careline, page: CustomerPage) -> list[tuple[str, str, str]]:
    """Role, state and text of the messages of this customer, markers without brackets."""
    with sqlite3.connect(careline.data / "careline.db") as database:
        rows = database.execute(
            "SELECT role, state, text FROM message WHERE conversation_id = ? ORDER BY seq",
            [UUID(page.conversation_id()).hex],
        ).fetchall()
    return [(role, state, re.sub(r"\[(\d+)\]", r"\1", text)) for role, state, text in rows]


def test_an_answer_streams_and_a_reload_shows_the_rest_exactly_once(
    careline: Careline, window: OpenWindow
) -> None:
    page = customer(careline, window)
    page.ask(QUESTION)
    page.wait_for_answer(characters=20)
    page.until(lambda: len(page.heard("answer.delta")) >= 2, "two deltas")

    with careline.held_engine():
        page.driver.refresh()
        resumed = page.wait_for_answer(characters=20)
    whole = page.wait_for_whole_answer()

    assert resumed.state == "streaming", "the reload came too late to test anything"
    assert len(page.heard("answer.delta")) >= 4
    assert FACT in whole.text
    role, state, text = stored(careline, page)[-1]
    assert (role, state, text) == ("bot", "complete", whole.text)
    assert [one.text for one in page.thread()] == [QUESTION, whole.text]
    assert page.problems() == []


def test_from_the_takeover_on_no_bot_token_appears(careline: Careline, window: OpenWindow) -> None:
    page, desk = customer(careline, window), agent(careline, window)
    page.ask(QUESTION)
    page.wait_for_answer(characters=10)
    with careline.held_engine():
        desk.open(page.conversation_id())
        desk.until(lambda: [one for one in desk.thread() if one.state == "streaming" and one.text])
        desk.act("takeover")
        page.wait_for_text("has joined the conversation")
    desk.type("Hello, this is Maya.")
    page.until(lambda: page.find(".typing").text == f"{AGENT_NAME} is typing")
    desk.reply(" It takes 3 to 5 days.")
    page.wait_for_text("this is Maya. It takes")
    page.until(lambda: not page.all(".typing"), "nobody types")

    kinds = page.heard_kinds()
    takeover = kinds.index("control.changed")
    assert "answer.delta" in kinds[:takeover]
    assert "answer.delta" not in kinds[takeover:]
    page.until(lambda: page.state_line() == f"{AGENT_NAME} is here", "who answers now")
    desk.until(lambda: desk.badge() == AGENT_NAME, "the badge")
    desk.until(lambda: AGENT_NAME in desk.rows()[0].text, "the list has heard of it")
    states = [one.state for one in page.thread() if " bot" in one.kind]
    assert "complete" not in states and "streaming" not in states
    assert [role for role, *_ in stored(careline, page)][-2:] == ["system", "agent"]
    page.ask("Thank you, Maya!")
    desk.until(lambda: any("Thank you, Maya!" in one.text for one in desk.thread()))
    assert page.num_answers() == 1
    assert page.problems() == desk.problems() == []


def test_a_stopped_answer_stays_as_far_as_it_was_written(
    careline: Careline, window: OpenWindow
) -> None:
    page = customer(careline, window)
    page.ask(QUESTION)
    page.wait_for_text("contiguous states.")

    with careline.held_engine():
        page.find(".stop").click()
        kept = page.until(
            lambda: next((one for one in page.thread() if one.state == "interrupted"), None),
            "the stopped answer",
        )

    assert kept.text.endswith((".", "1"))
    assert stored(careline, page)[-1] == ("bot", "interrupted", kept.text)
    page.until(lambda: not page.all(".stop"), "nothing to stop")


def test_a_person_is_one_press_away(careline: Careline, window: OpenWindow) -> None:
    page = customer(careline, window)
    page.ask(QUESTION)
    page.wait_for_whole_answer()

    page.find(".person").click()

    page.wait_for_text("We have passed your conversation to our team.")
    page.until(lambda: page.state_line() in WAITING, "who answers now")
    page.until(lambda: not page.all(".person"), "nothing more to press")


def test_nothing_is_lost_when_the_server_is_killed(careline: Careline, window: OpenWindow) -> None:
    page, desk = customer(careline, window), agent(careline, window)
    page.ask(QUESTION)
    page.wait_for_whole_answer()
    desk.open(page.conversation_id())
    desk.reply("Hello, this is Maya.")
    page.wait_for_text("Hello, this is Maya.")
    page.ask("It was a tent.")
    desk.until(lambda: any("It was a tent." in one.text for one in desk.thread()))
    before = page.thread()

    careline.kill()
    page.find(".banner")
    page.ask("Are you still there?")
    page.wait_for_text("Are you still there?")
    careline.start()
    page.wake()
    desk.wake()
    page.until(lambda: page.thread()[-1].state == "complete", "the message that waited")

    desk.until(lambda: any("Are you still there?" in one.text for one in desk.thread()))
    assert [one.text for one in page.thread()[:-1]] == [one.text for one in before]
    assert stored(careline, page)[-1] == ("customer", "complete", "Are you still there?")
    page.driver.refresh()
    page.until(lambda: len(page.thread()) == len(before) + 1, "the whole history")
    assert [one.text for one in page.thread()[:-1]] == [one.text for one in before]


def test_an_answer_the_server_was_killed_in_is_finished_after_its_start(
    careline: Careline, window: OpenWindow
) -> None:
    page = customer(careline, window)
    page.ask(QUESTION)
    page.wait_for_answer(characters=20)

    careline.kill()
    careline.start()
    whole = page.wait_for_whole_answer()

    assert FACT in whole.text
    said = [one for one in stored(careline, page) if one[0] == "bot" and one[1] == "complete"]
    assert said == [("bot", "complete", whole.text)]


def test_a_citation_opens_the_paragraph_it_quotes(careline: Careline, window: OpenWindow) -> None:
    page = customer(careline, window)
    page.ask(QUESTION)
    page.wait_for_whole_answer()

    link = page.find("a.cite").get_attribute("href")
    assert link is not None
    page.driver.get(link)

    marked = page.driver.find_element(By.CSS_SELECTOR, ".paragraph:target")
    assert FACT in marked.text


def test_only_the_loader_is_fetched_and_nothing_kept_before_the_first_message(
    careline: Careline, window: OpenWindow, tmp_path: Path
) -> None:
    driver = window()
    page = CustomerPage(driver)
    driver.get(careline.url)
    page.find(".launcher")
    fetched = driver.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    asked = {name.removeprefix(careline.url) for name in fetched if "widget" in name}
    assert asked <= {"/widget.js", "/widget/v1/pk_demo"}, "the script, and how the site looks"

    page.open_chat()
    assert driver.execute_script("return [localStorage.length, document.cookie]") == [0, ""]
    page.ask(QUESTION)
    page.wait_for_answer()

    assert driver.execute_script("return Object.keys(localStorage)") == ["careline:pk_demo"]
    assert driver.execute_script("return document.cookie") == ""


def test_two_tabs_are_one_visit_from_the_first_word_on(
    careline: Careline, window: OpenWindow
) -> None:
    page = customer(careline, window)
    driver, first = page.driver, page.driver.current_window_handle
    driver.switch_to.new_window("tab")
    driver.get(careline.url)
    page.open_chat()
    page.ask("Hello there")
    page.wait_for_whole_answer()
    kept = driver.execute_script("return localStorage['careline:pk_demo']")
    second = driver.current_window_handle

    driver.switch_to.window(first)
    page.wait_for_text("Hello there")
    page.ask("Are you a person?")
    page.wait_for_text("Are you a person?")

    session = "return JSON.parse(localStorage['careline:pk_demo']).session"
    assert driver.execute_script(session) in kept, "neither tab writes over the other"
    driver.switch_to.window(second)
    page.wait_for_text("Are you a person?")
    driver.close()
    driver.switch_to.window(first)


def test_a_session_the_server_does_not_know_begins_anew(
    careline: Careline, window: OpenWindow
) -> None:
    page = CustomerPage(window())
    page.driver.get(careline.url)
    forged = '{"session": "forged", "isOpen": true}'
    page.driver.execute_script("localStorage['careline:pk_demo'] = arguments[0]", forged)
    page.driver.refresh()

    page.ask("How do I return an item?")

    assert "45 days" in page.wait_for_whole_answer().text


def test_an_agent_moves_between_conversations_and_none_goes_silent(
    careline: Careline, window: OpenWindow
) -> None:
    page, desk = customer(careline, window), agent(careline, window)
    page.ask("Hello there")
    page.wait_for_whole_answer()
    mine = page.conversation_id()
    desk.open(mine)
    others = [row.get_attribute("href") or "" for row in desk.rows()]
    desk.open(next(link for link in others if mine not in link).split("?")[0][-36:])
    desk.driver.back()
    desk.until(lambda: any("Hello there" in one.text for one in desk.thread()), "back again")
    desk.open(mine)

    page.ask("Are you a person?")

    desk.until(lambda: any("Are you a person?" in one.text for one in desk.thread()))
    assert desk.problems() == []
