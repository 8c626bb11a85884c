"""What every page keeps: a strict policy, hostile text as text, a keyboard and a screen reader."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.end_to_end.browser import DESKTOP, PHONE, Scheme, Screen, show_as
from tests.end_to_end.pages import AgentPage, CustomerPage
from tests.end_to_end.server import Careline

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
OpenWindow = Callable[[], Chrome]
PATHS = (
    "/",
    "/products/heron-2",
    "/articles",
    "/articles/return-an-item",
    "/dashboard/sign-in",
    "/nowhere",
    "/docs",
)
HOSTILE = (
    '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    " [tap](javascript:window.pwned=1) **<b>bold</b>**"
)


_RUN_AXE = """
const done = arguments[0];
axe.run().then(done, (error) => done({ violations: [], error: String(error) }));
"""


RED = [255, 0, 0, 255]
RED_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415478da63f8cfc0000003010100f70341430000000049454e44ae426082"
)
_FILE_INPUT = """
return document.querySelector("care-widget").shadowRoot.querySelector("input[type=file]");
"""
_MIDDLE = """
const root = document.querySelector("care-widget").shadowRoot;
const canvas = root.querySelector(`${arguments[0]} canvas`);
if (!canvas) return null;
const middle = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1);
return [...middle.data];
"""


@contextmanager
def foreign_shop(careline: Careline) -> Iterator[str]:
    """A page on another host that embeds the widget under a policy without exceptions."""
    host = careline.url
    policy = (
        f"default-src 'none'; script-src {host}; connect-src {host} {host.replace('http', 'ws')}"
    )
    body = f'<!doctype html><title>Shop</title><script async src="{host}/widget.js" '
    body += 'data-site="pk_demo" data-company="Fernhill Supply"></script>'

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body.encode() if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def allow_origin(careline: Careline, origin: str) -> None:
    with sqlite3.connect(careline.data / "careline.db") as database:
        database.execute("UPDATE inbox SET allowed_origins = json_array(?)", [origin])


def barriers(page: CustomerPage | AgentPage, screen: Screen = DESKTOP) -> list[str]:
    """What axe-core finds serious or critical, light and dark, one line each."""
    page.driver.execute_script(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for scheme in Scheme:
        show_as(page.driver, screen, scheme)
        result: dict[str, Any] = page.driver.execute_async_script(_RUN_AXE)
        assert "error" not in result, result["error"]
        found += [
            f"{scheme} {one['id']}: {node['html'][:120]} {node['failureSummary']}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
    return found


def test_no_page_breaks_its_own_policy(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    for path in PATHS:
        page.driver.get(careline.url + path)
        page.until(lambda: page.driver.execute_script("return document.readyState") == "complete")
        told = [one for one in page.problems() if "404 (Not Found)" not in one]
        assert told == [], path


def test_the_widget_works_on_another_host_under_a_strict_policy(
    careline: Careline, window: OpenWindow, tmp_path: Path
) -> None:
    page = CustomerPage(window())
    with foreign_shop(careline) as origin:
        allow_origin(careline, origin)
        page.driver.get(origin)
        page.open_chat()
        page.ask("How long does delivery take?")
        answer = page.wait_for_whole_answer()

        assert "3 to 5 working days" in answer.text
        link = page.find("a.cite").get_attribute("href")
        assert link is not None and link.startswith(f"{careline.url}/articles/")
        (tmp_path / "photo.png").write_bytes(RED_PNG)
        page.driver.execute_script(_FILE_INPUT).send_keys(str(tmp_path / "photo.png"))
        page.until(lambda: page.driver.execute_script(_MIDDLE, ".tray-file") == RED, "chosen")
        page.until(lambda: not page.all(".tray-file progress"), "it has arrived")
        page.ask("This is what it looks like")
        page.until(lambda: page.driver.execute_script(_MIDDLE, "button.file") == RED, "sent")
        page.driver.refresh()
        page.until(lambda: page.driver.execute_script(_MIDDLE, "button.file") == RED, "fetched")
        assert "photo.png" in page.find("button.file").text
        told = [one for one in page.problems() if "favicon" not in one]
        assert told == []


def test_a_page_that_may_not_embed_is_told_so(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    with foreign_shop(careline) as origin:
        allow_origin(careline, "https://somebody.example")
        page.driver.get(origin)

        page.until(lambda: page.warnings("is that an allowed origin?"), "a word in the console")
        assert page.all(".launcher") == []


def test_axe_finds_no_barrier_for_customers(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    for path in PATHS[:4]:
        page.driver.get(careline.url + path)
        page.find(".launcher")
        assert barriers(page) == [], path
    page.driver.get(careline.url)
    page.open_chat()
    page.until(lambda: not page.driver.execute_script(_MOVING), "a panel at rest")
    assert barriers(page) == [], "open"
    page.ask("How long does standard delivery take?")
    page.wait_for_answer()
    assert barriers(page) == [], "streaming"
    page.wait_for_whole_answer()
    assert barriers(page) == [], "answered"


def test_axe_finds_no_barrier_for_agents(careline: Careline, window: OpenWindow) -> None:
    desk = AgentPage(window())
    desk.driver.get(f"{careline.url}/dashboard/sign-in")
    assert barriers(desk) == [], "sign in"
    desk.sign_in(careline.url)
    assert barriers(desk) == [], "inbox"
    desk.rows()[0].click()
    desk.until(desk.thread)
    assert barriers(desk) == [], "conversation"


def test_axe_finds_no_barrier_in_what_opens_over_a_conversation(
    careline: Careline, window: OpenWindow
) -> None:
    desk = AgentPage(window())
    desk.sign_in(careline.url)
    for step, (press, shown) in _OPENED.items():
        desk.driver.get(f"{careline.url}/dashboard?view=waiting")
        desk.until(desk.rows)[0].click()
        desk.until(desk.thread)
        desk.until(partial(click, desk, press), press)
        if step == "suggestions":
            desk.type("/")
        desk.until(partial(is_shown, desk, shown), shown)
        assert barriers(desk) == [], step


def test_axe_finds_no_barrier_in_what_opens_on_a_phone(
    careline: Careline, window: OpenWindow
) -> None:
    page, desk = CustomerPage(window()), AgentPage(window())
    for one in (page, desk):
        show_as(one.driver, PHONE)
    page.driver.get(careline.url)
    page.open_chat()
    page.ask("How long does delivery take?")
    page.wait_for_whole_answer()
    page.find(".menu").click()
    page.find(".conversations button")
    page.until(lambda: not page.driver.execute_script(_MOVING), "a list at rest")
    assert barriers(page, PHONE) == [], "conversations"
    desk.sign_in(careline.url)
    assert barriers(desk, PHONE) == [], "inbox"
    desk.rows()[0].click()
    desk.until(desk.thread)
    assert barriers(desk, PHONE) == [], "conversation"
    desk.until(partial(click, desk, ".details-toggle"), "the details")
    desk.until(partial(click, desk, "#contact-card button"), "a form")
    desk.until(partial(is_shown, desk, "#contact-card [name=email]"), "its fields")
    assert barriers(desk, PHONE) == [], "details with a form"


_OPENED = {
    "palette": ("[data-open=palette]", "#palette[open] .found"),
    "snooze": ("[data-part=snooze-menu] > summary", "[data-until=tomorrow]"),
    "suggestions": (".reply textarea", ".suggestions li"),
    "note": ("[data-kind=note]", ".reply[data-kind=note] textarea"),
}
"""What is pressed, and what is there then."""


def is_shown(desk: AgentPage, selector: str) -> WebElement | None:
    found = desk.driver.find_elements(By.CSS_SELECTOR, selector)
    return next((one for one in found if one.is_displayed()), None)


def click(desk: AgentPage, selector: str) -> bool:
    """Press it once it is there."""
    found = is_shown(desk, selector)
    if found is not None:
        found.click()
    return found is not None


_MOVING = """
return document.querySelector("care-widget").shadowRoot.getAnimations()
  .some((one) => one.effect.getTiming().iterations !== Infinity);
"""


def test_hostile_text_is_text_for_customer_and_agent(
    careline: Careline, window: OpenWindow
) -> None:
    page, desk = CustomerPage(window()), AgentPage(window())
    page.driver.get(careline.url)
    page.open_chat()
    page.ask(HOSTILE)
    page.wait_for_text("window.pwned=1")
    page.wait_for_whole_answer()
    desk.sign_in(careline.url)
    desk.open(page.conversation_id())
    desk.until(lambda: any(HOSTILE in one.text for one in desk.thread()), "the customer's words")
    desk.reply(HOSTILE)
    page.until(lambda: page.thread()[-1].kind.count(" agent"), "the agent's words")

    for one in (page, desk):
        assert one.driver.execute_script("return window.pwned") is None
        assert one.problems() == []
    links = page.driver.execute_script(
        "return [...document.querySelector('care-widget').shadowRoot.querySelectorAll('.bubble a')]"
        ".map((link) => link.protocol)"
    )
    assert "javascript:" not in links


def test_the_keyboard_opens_closes_and_comes_back(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    page.driver.get(careline.url)
    launcher = page.find(".launcher")
    assert launcher.get_attribute("aria-expanded") == "false"

    launcher.send_keys(Keys.ENTER)
    page.find(".panel")
    focused = "return document.querySelector('care-widget').shadowRoot.activeElement.className"
    page.until(lambda: page.driver.execute_script(f"{focused} === ''"), "the focus in the field")
    assert page.find("textarea").get_attribute("aria-label") == "Write a message"
    assert page.find(".panel").get_attribute("role") == "dialog"
    page.find("textarea").send_keys(Keys.ESCAPE)

    page.until(lambda: not page.all(".panel"), "a closed panel")
    page.until(lambda: page.driver.execute_script(focused) == "launcher", "the focus comes back")
    assert launcher.get_attribute("aria-expanded") == "false"


def test_a_button_of_the_page_opens_the_chat(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    page.driver.get(f"{careline.url}/products/heron-2")
    page.find(".launcher")

    page.driver.find_element(By.CSS_SELECTOR, "[data-care-open]").click()

    page.find(".panel")
    page.driver.execute_script("document.body = document.createElement('body')")
    page.find(".panel .close").click()
    assert page.all(".launcher"), "a site that replaces its body keeps the chat"


def test_an_answer_is_announced_in_whole_sentences(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    page.driver.get(careline.url)
    page.open_chat()
    page.ask("How long does delivery take?")
    answer = page.wait_for_whole_answer()

    told = page.driver.execute_script(
        "return [...document.querySelector('care-widget').shadowRoot"
        ".querySelectorAll('[aria-live=polite] p')].map((p) => p.textContent)"
    )

    assert len(told) >= 3
    assert all(sentence.endswith((".", "?", "!")) for sentence in told)
    assert " ".join(told) == re.sub(r"(?<=[.!?]) \d(?= |$)", "", answer.text)


def test_on_a_phone_the_chat_fills_the_screen_and_keeps_the_focus(
    careline: Careline, window: OpenWindow
) -> None:
    page = CustomerPage(window())
    show_as(page.driver, PHONE)
    page.driver.get(careline.url)
    page.open_chat()

    panel = page.find(".panel")
    full = {"x": 0, "y": 0, "width": PHONE.width, "height": PHONE.height}
    page.until(lambda: panel.rect == full, "the whole screen")
    assert panel.get_attribute("aria-modal") == "true"
    for _ in range(12):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        host = page.driver.execute_script("return document.activeElement.localName")
        assert host == "care-widget"


def test_on_a_phone_the_agent_goes_from_list_to_conversation_and_back(
    careline: Careline, window: OpenWindow
) -> None:
    desk = AgentPage(window())
    show_as(desk.driver, PHONE)
    desk.sign_in(careline.url)
    assert not desk.driver.find_element(By.ID, "pane").is_displayed()

    desk.rows()[0].click()
    desk.until(desk.thread)
    desk.until(lambda: not desk.rows()[0].is_displayed(), "the conversation instead of the list")
    desk.driver.find_element(By.CSS_SELECTOR, ".back").click()

    desk.until(lambda: desk.rows() and desk.rows()[0].is_displayed())
