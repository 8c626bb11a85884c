"""What a conversation holds, in a browser: ratings, files, several conversations, what waits."""

from collections.abc import Callable
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.app.files.test_kinds import HTML, PNG
from tests.end_to_end.pages import AgentPage, CustomerPage
from tests.end_to_end.server import AGENT_NAME, Careline
from tests.end_to_end.test_pages import barriers

Window = Callable[[], Chrome]
QUESTION = "How do I return an item?"
HOSTILE = "<img src=x onerror=alert(1)>.png"
_FILE_INPUT = """
return document.querySelector(arguments[0]).shadowRoot?.querySelector("input[type=file]")
  ?? document.querySelector(".reply input[type=file]");
"""
_OUTBOX = """
return Object.keys(localStorage).filter((key) => key.endsWith(":outbox")).length;
"""


def chatting(window: Window, careline: Careline) -> CustomerPage:
    """A customer whose first question was answered."""
    customer = CustomerPage(window())
    customer.driver.get(careline.url)
    customer.open_chat()
    customer.ask(QUESTION)
    customer.wait_for_whole_answer()
    return customer


def at_the_desk(window: Window, careline: Careline, conversation_id: str) -> AgentPage:
    """An agent with this conversation open."""
    agent = AgentPage(window())
    agent.sign_in(careline.url)
    agent.open(conversation_id)
    return agent


def file_input(page: CustomerPage | AgentPage) -> WebElement:
    host = "care-widget" if isinstance(page, CustomerPage) else "care-conversation"
    found: WebElement = page.driver.execute_script(_FILE_INPUT, host)
    return found


def said_by_customer(customer: CustomerPage) -> list[str]:
    return [one.text for one in customer.thread() if " own" in one.kind]


def test_a_conversation_is_rated_once_and_the_agent_sees_it(
    window: Window, careline: Careline
) -> None:
    customer = chatting(window, careline)
    agent = at_the_desk(window, careline, customer.conversation_id())
    customer.find(".chip[data-chip=helped]").click()
    customer.until(lambda: len(customer.all(".star")) == 5, "a question for stars")

    customer.all(".star")[3].click()
    customer.find(".rating textarea").send_keys("<b>Quick</b> and kind")
    customer.find(".rating form button").click()

    assert "<b>Quick</b> and kind" in customer.find(".settled").text

    def has_rating() -> bool:
        rated = agent.driver.find_element(By.CSS_SELECTOR, ".rated")
        return "Rated 4 of 5" in rated.text and "<b>Quick</b>" in rated.text

    agent.until(has_rating, "the rating at the desk")
    helped = agent.driver.find_elements(By.CSS_SELECTOR, "[data-feedback=helped]")
    assert len(helped) == 1
    assert customer.problems() == [] and agent.problems() == []


def test_files_go_both_ways_and_a_lie_is_told_beside_its_name(
    window: Window, careline: Careline, tmp_path: Path
) -> None:
    customer = chatting(window, careline)
    agent = at_the_desk(window, careline, customer.conversation_id())
    for name, content in ((HOSTILE, PNG), ("lie.png", HTML), ("manual.pdf", b"%PDF-1.7 x")):
        (tmp_path / name).write_bytes(content)

    file_input(customer).send_keys(str(tmp_path / HOSTILE))
    file_input(customer).send_keys(str(tmp_path / "lie.png"))
    refused = customer.find(".tray-file[data-state=refused]")
    customer.until(lambda: not customer.all(".tray-file progress"), "both arrived")
    assert "that is not what is in it" in refused.text
    assert barriers(customer) == [], "a refusal"
    customer.ask("This is what it looks like")

    link = agent.until(
        lambda: next(iter(agent.driver.find_elements(By.CSS_SELECTOR, "a.file")), None)
    )
    assert HOSTILE in link.text and link.get_dom_attribute("download") == HOSTILE
    file_input(agent).send_keys(str(tmp_path / "manual.pdf"))
    send = agent.driver.find_element(By.CSS_SELECTOR, ".reply button[type=submit]")
    agent.until(send.is_enabled, "the file has arrived")
    send.click()
    customer.until(lambda: any("manual.pdf" in one.text for one in customer.all("button.file")))
    customer.until(lambda: len(customer.all("button.file")) == 2, "what was refused was not sent")
    assert agent.problems() == []


def test_several_conversations_and_who_is_there(window: Window, careline: Careline) -> None:
    customer = chatting(window, careline)
    first = customer.conversation_id()
    customer.find(".menu").click()
    customer.find(".begin").click()
    customer.until(lambda: not customer.thread(), "an empty thread")
    customer.ask("I would like to talk to a person about my tent")
    customer.until(lambda: len({ack["d"]["c"] for ack in customer.heard("ack")}) == 2)
    second = customer.conversation_id()

    agent = at_the_desk(window, careline, second)
    agent.reply("What is wrong with it?")
    customer.until(lambda: customer.state_line() == f"{AGENT_NAME} is here")
    away = agent.driver.find_element(By.CSS_SELECTOR, "[data-act=away]")
    away.click()
    customer.until(lambda: customer.state_line() == f"{AGENT_NAME} is away right now")
    away.click()
    customer.until(lambda: customer.state_line() == f"{AGENT_NAME} is here")

    customer.find(".menu").click()
    customer.until(lambda: len(customer.all(".conversations button")) == 2, "both conversations")
    rows = customer.all(".conversations button")
    assert [row.text.splitlines()[0] for row in rows] == [
        "I would like to talk to a person about my tent",
        QUESTION,
    ]
    rows[1].click()
    customer.wait_for_text(QUESTION)
    customer.until(lambda: said_by_customer(customer) == [QUESTION], "the first conversation")
    customer.ask("And how long does it take?")
    customer.until(
        lambda: customer.heard("ack")[-1]["d"]["c"] == first, "sent where it was written"
    )
    assert customer.problems() == []


def test_what_is_written_without_a_connection_survives_a_reload(
    window: Window, careline: Careline
) -> None:
    customer = chatting(window, careline)
    written = ["I want to talk to a person", "It is about my tent", "The pole is broken"]
    careline.kill()
    for text in written:
        customer.ask(text)
    banner = customer.find(".banner")
    customer.until(lambda: "3 messages are kept here" in banner.text, "the banner says so")
    assert barriers(customer) == [], "offline"
    customer.driver.get("about:blank")

    careline.start()
    customer.driver.get(careline.url)
    customer.find(".panel")  # it was open before

    def are_sent() -> bool:
        own = [one for one in customer.thread() if " own" in one.kind]
        return len(own) == 4 and all(one.state == "complete" for one in own)

    customer.until(are_sent, "everything was sent")
    assert said_by_customer(customer) == [QUESTION, *written], "each once, in order"
    customer.until(lambda: customer.driver.execute_script(_OUTBOX) == 0, "nothing waits")
