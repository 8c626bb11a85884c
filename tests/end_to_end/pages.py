"""What a customer and an agent do in a browser, in their words."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.end_to_end.server import EMAIL, PASSWORD
from tests.patience import PATIENCE_S

T = TypeVar("T")

_THREAD = """
const root = arguments[0] === "widget"
  ? document.querySelector("care-widget")?.shadowRoot
  : document.querySelector("care-conversation");
return [...(root?.querySelectorAll(".thread > li:not([hidden])") ?? [])].map((li) => ({
  kind: li.className,
  state: li.dataset.state ?? "",
  text: (li.querySelector(".bubble:not(.thinking)") ?? li.querySelector("p"))?.textContent ?? "",
}));
"""


@dataclass(frozen=True)
class Shown:
    """A message as it stands on the screen."""

    kind: str
    state: str
    text: str


@dataclass
class Page:
    """A browser window and what its sockets heard."""

    driver: Chrome
    frames: list[dict[str, Any]] = field(default_factory=list)

    def until(self, condition: Callable[[], T | None], message: str = "") -> T:
        """Wait for something true; an element that was just replaced is asked for again."""
        waiting = WebDriverWait(
            self.driver, PATIENCE_S, 0.02, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: condition() or False, message)

    def wake(self) -> None:
        """Tell the page that the network is back, so that it need not wait for its next try."""
        self.driver.execute_script("window.dispatchEvent(new Event('online'))")

    def problems(self) -> list[str]:
        """What the browser complained about: errors, and breaches of the content policy."""
        entries = self._log("browser")
        return [
            entry["message"]
            for entry in entries
            if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]
        ]

    def warnings(self, text: str) -> list[str]:
        """New warnings of the widget in the console with these words."""
        told = [entry["message"] for entry in self._log("browser")]
        return [one for one in told if "careline:" in one and text in one]

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one kind that this window's sockets have received so far."""
        self._hear()
        return [frame for frame in self.frames if frame["t"] == kind]

    def heard_kinds(self) -> list[str]:
        """The kinds of all frames so far, in the order of their arrival."""
        self._hear()
        return [frame["t"] for frame in self.frames]

    def num_answers(self) -> int:
        """Answers begun so far; a socket that was still joining has a snapshot of its first."""
        self._hear()
        return len({frame["d"]["gen"] for frame in self.frames if "gen" in frame.get("d", {})})

    def _hear(self) -> None:
        for entry in self._log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.webSocketFrameReceived":
                payload = event["params"]["response"]["payloadData"]
                if payload.startswith("{"):
                    self.frames.append(json.loads(payload))

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]  # selenium's
        return entries

    def _shown(self, where: str) -> list[Shown]:
        found = self.driver.execute_script(_THREAD, where)
        return [Shown(one["kind"], one["state"], one["text"]) for one in found]


class CustomerPage(Page):
    """The shop with its widget."""

    def find(self, selector: str) -> WebElement:
        """The first element of the widget that fits and is visible."""
        return self.until(lambda: next(iter(self.all(selector)), None), selector)

    def all(self, selector: str) -> list[WebElement]:
        """The visible elements of the widget that fit."""
        hosts = self.driver.find_elements(By.CSS_SELECTOR, "care-widget")
        if not hosts:
            return []
        found = hosts[0].shadow_root.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in found if element.is_displayed()]

    def open_chat(self) -> None:
        """Press the launcher and wait for the connection."""
        self.find(".launcher").click()
        self.find(".panel")
        self.until(lambda: self.state_line() != "Connecting…")

    def conversation_id(self) -> str:
        """Of the conversation this customer has."""
        return str(self.until(lambda: self.heard("ack"), "an acknowledgement")[-1]["d"]["c"])

    def state_line(self) -> str:
        """What stands under the company's name."""
        return self.find(".state").text

    def ask(self, text: str) -> None:
        """Type and press Enter."""
        self.find("textarea").send_keys(text, Keys.ENTER)

    def thread(self) -> list[Shown]:
        """What stands in the thread."""
        return self._shown("widget")

    def answer(self) -> Shown | None:
        """The bot's newest message that has text."""
        said = [one for one in self.thread() if " bot" in one.kind and one.text]
        return said[-1] if said else None

    def wait_for_answer(self, characters: int = 1) -> Shown:
        """The running answer once it has this many characters."""

        def grown() -> Shown | None:
            answer = self.answer()
            return answer if answer and len(answer.text) >= characters else None

        return self.until(grown, "an answer")

    def wait_for_whole_answer(self) -> Shown:
        """The newest answer once it is complete."""

        def whole() -> Shown | None:
            answer = self.answer()
            return answer if answer and answer.state == "complete" else None

        return self.until(whole, "a whole answer")

    def wait_for_text(self, text: str) -> None:
        """Until it stands in the thread."""
        self.until(lambda: any(text in one.text for one in self.thread()), text)


class AgentPage(Page):
    """The dashboard."""

    def sign_in(self, url: str) -> None:
        """Through the door to the inbox."""
        self.driver.get(f"{url}/dashboard")
        self.driver.find_element(By.NAME, "email").send_keys(EMAIL)
        self.driver.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.ENTER)
        self.until(lambda: self.rows())

    def rows(self) -> list[WebElement]:
        """The conversations of the list."""
        return self.driver.find_elements(By.CSS_SELECTOR, "a.row")

    def open(self, conversation_id: str) -> None:
        """Open a conversation once the list has it."""

        def pressed() -> bool:
            selector = f'a.row[href*="{conversation_id}"]'
            rows = self.driver.find_elements(By.CSS_SELECTOR, selector)
            for row in rows:
                row.click()
            return bool(rows)

        self.until(pressed, "the conversation in the list")
        self.until(lambda: conversation_id in self.driver.current_url and self.thread(), "a thread")

    def act(self, name: str) -> None:
        """Press takeover, release or resolve, once it is there."""

        def pressed() -> bool:
            button = self.driver.find_element(By.CSS_SELECTOR, f'[data-act="{name}"]')
            if button.is_displayed():
                button.click()
                return True
            return False

        self.until(pressed, name)

    def reply(self, text: str) -> None:
        """Type and press Enter."""
        self.composer().send_keys(text, Keys.ENTER)

    def type(self, text: str) -> None:
        """Type without sending."""
        self.composer().send_keys(text)

    def composer(self) -> WebElement:
        """The field for a reply, once it is shown."""

        def shown() -> WebElement | None:
            field = self.driver.find_element(By.CSS_SELECTOR, ".reply textarea")
            return field if field.is_displayed() else None

        return self.until(shown, "the composer")

    def badge(self) -> str:
        """Who has the word."""
        return self.driver.find_element(By.CSS_SELECTOR, '[data-part="control"]').text

    def thread(self) -> list[Shown]:
        """What stands in the thread."""
        return self._shown("dashboard")
