"""An agent is helped with a reply, and a customer always hears first that an AI speaks."""

from collections.abc import Callable

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.end_to_end.pages import AgentPage, CustomerPage
from tests.end_to_end.server import Careline

OpenWindow = Callable[[], Chrome]
QUESTION, FACT = "How long does standard delivery take?", "3 to 5 working days"
REPLY = ".reply textarea"


def customer(careline: Careline, window: OpenWindow) -> CustomerPage:
    page = CustomerPage(window())
    page.driver.get(careline.url)
    page.open_chat()
    return page


def value(desk: AgentPage) -> str:
    return str(desk.driver.find_element(By.CSS_SELECTOR, REPLY).get_attribute("value"))


def links(desk: AgentPage) -> list[str]:
    found = desk.driver.find_elements(By.CSS_SELECTOR, ".suggestion-sources a")
    return [str(link.get_attribute("href")) for link in found if link.is_displayed()]


def test_a_suggested_reply_comes_into_the_field_with_its_source_and_is_sent(
    careline: Careline, window: OpenWindow
) -> None:
    chat = customer(careline, window)
    chat.ask("I want to talk to a person")
    conversation_id = chat.conversation_id()
    chat.ask(QUESTION)
    desk = AgentPage(window())
    desk.sign_in(careline.url)
    desk.open(conversation_id)
    desk.until(lambda: any(QUESTION in one.text for one in desk.thread()), "the question")
    desk.act("takeover")

    desk.act("suggest")
    desk.until(lambda: links(desk) != [], "the sources")

    text = value(desk)
    assert FACT in text and "[1]" not in text and "/articles/" in links(desk)[0]
    desk.driver.find_element(By.CSS_SELECTOR, REPLY).send_keys(Keys.ENTER)
    chat.wait_for_text(FACT)
    desk.until(lambda: value(desk) == "" and links(desk) == [], "an empty field")
    assert desk.problems() == []


def test_that_an_ai_speaks_is_said_first_and_again_in_every_new_conversation(
    careline: Careline, window: OpenWindow
) -> None:
    chat = customer(careline, window)
    before_a_word = chat.find(".disclosure").text
    chat.ask("I want to talk to a person")
    chat.until(lambda: not chat.all(".disclosure"), "a person answers now")

    chat.find(".menu").click()
    chat.find(".begin").click()
    anew = chat.find(".disclosure").text
    chat.ask("hello")
    chat.wait_for_whole_answer()

    assert "AI" in before_a_word and anew == before_a_word
    assert chat.all(".disclosure"), "and it stays while the bot has the word"
