"""Takes the pictures in docs/screenshots: `python -m tests.end_to_end.screenshots`.

With a folder as its argument it takes all of them there: every page and state in every look. It is
the demo company with a bot that writes slowly; nothing is drawn over.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.end_to_end.browser import DESKTOP, PHONE, Scheme, Screen, chromium, show_as
from tests.end_to_end.pages import AgentPage, CustomerPage
from tests.end_to_end.server import Careline, write_script

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
CHOSEN = {
    "shop-desktop-light",
    "shop-phone-dark",
    "widget-streaming-desktop-light",
    "widget-answered-desktop-dark",
    "widget-streaming-phone-light",
    "widget-answered-phone-dark",
    "widget-picture-phone-light",
    "widget-rating-desktop-dark",
    "article-desktop-light",
    "inbox-desktop-light",
    "inbox-phone-light",
    "conversation-live-desktop-light",
    "conversation-live-phone-dark",
    "conversation-taken-over-desktop-dark",
    "palette-desktop-light",
    "reports-desktop-light",
    "reports-phone-dark",
    "editor-desktop-light",
    "keys-desktop-dark",
}
DELAY_MS = 120.0
QUESTION = "How do I return an item?"
_LOOKS = (
    (DESKTOP, Scheme.LIGHT),
    (DESKTOP, Scheme.DARK),
    (PHONE, Scheme.LIGHT),
    (PHONE, Scheme.DARK),
)
_SETTLED = """
const shadow = document.querySelector("care-widget")?.shadowRoot;
const moving = [...document.getAnimations(), ...(shadow?.getAnimations() ?? [])];
return document.fonts.status === "loaded"
  && moving.every((one) => one.effect.getTiming().iterations === Infinity);
"""


class Camera:
    """Takes pictures of one look into a folder."""

    def __init__(self, folder: Path, look: str, chosen: set[str] | None) -> None:
        self._folder = folder
        self._look = look
        self._chosen = chosen

    def take(self, page: CustomerPage | AgentPage, name: str) -> None:
        """Once fonts are there and nothing moves but what moves for ever."""
        picture = f"{name}-{self._look}"
        if self._chosen is not None and picture not in self._chosen:
            return
        page.until(lambda: bool(page.driver.execute_script(_SETTLED)), "a page at rest")
        page.driver.save_screenshot(str(self._folder / f"{picture}.png"))


@contextmanager
def window(folder: Path, screen: Screen, scheme: Scheme) -> Iterator[Chrome]:
    """A browser with this look."""
    with TemporaryDirectory(dir=folder) as profile, chromium(Path(profile), screen) as driver:
        show_as(driver, screen, scheme)
        yield driver


def take_all(careline: Careline, folder: Path, pictures: Path, chosen: set[str] | None) -> None:
    """Every page in every look, or those that were chosen."""
    for screen, scheme in _LOOKS:
        size = "desktop" if screen is DESKTOP else "phone"
        camera = Camera(pictures, f"{size}-{scheme}", chosen)
        with window(folder, screen, scheme) as left, window(folder, screen, scheme) as right:
            _take_pages(careline, camera, CustomerPage(left))
            _take_talk(careline, camera, CustomerPage(left), AgentPage(right))
            _take_office(careline, camera, AgentPage(right))


def _take_pages(careline: Careline, camera: Camera, page: CustomerPage) -> None:
    for name, path in (("product", "/products/heron-2"), ("help", "/articles"), ("shop", "/")):
        page.driver.get(careline.url + path)
        page.find(".launcher")
        camera.take(page, name)
    page.driver.get(f"{careline.url}/articles/return-an-item#p2")
    page.find(".launcher")
    camera.take(page, "article")


def _take_talk(careline: Careline, camera: Camera, customer: CustomerPage, desk: AgentPage) -> None:
    desk.driver.get(f"{careline.url}/dashboard")
    camera.take(desk, "sign-in")
    desk.sign_in(careline.url)
    camera.take(desk, "inbox")
    customer.driver.get(careline.url)
    customer.open_chat()
    camera.take(customer, "widget-open")
    customer.ask(QUESTION)
    customer.find(".thinking")
    camera.take(customer, "widget-thinking")
    customer.wait_for_answer(characters=60)
    camera.take(customer, "widget-streaming")
    desk.open(customer.conversation_id())
    desk.until(lambda: any(one.state == "streaming" and one.text for one in desk.thread()))
    camera.take(desk, "conversation-live")
    customer.wait_for_whole_answer()
    camera.take(customer, "widget-answered")
    customer.ask("How long does standard delivery take?")
    customer.wait_for_text("contiguous states. ")
    desk.act("takeover")
    desk.until(lambda: desk.badge() == "Maya Lindqvist")
    desk.reply("Hello, this is Maya. I have just sent you the return label by e-mail.")
    customer.wait_for_text("this is Maya")
    desk.until(lambda: desk.thread()[-1].state == "complete")
    desk.until(lambda: "Maya Lindqvist" in desk.rows()[0].text or not desk.rows()[0].is_displayed())
    camera.take(desk, "conversation-taken-over")
    camera.take(customer, "widget-human")
    _send_picture(customer, FOLDER / "article-desktop-light.png")
    camera.take(customer, "widget-picture")
    desk.driver.find_element(By.CSS_SELECTOR, '[data-act="resolve"]').click()
    desk.until(lambda: desk.badge() == "Resolved")
    camera.take(desk, "conversation-resolved")
    customer.find(".rating")
    camera.take(customer, "widget-rating")


def _send_picture(customer: CustomerPage, picture: Path) -> None:
    host = customer.driver.find_element(By.TAG_NAME, "care-widget")
    host.shadow_root.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(picture))
    customer.until(lambda: customer.all(".tray-file") and not customer.all("progress"), "a file")
    customer.ask("Is it this one?")
    customer.find("button.picture")


def _take_office(careline: Careline, camera: Camera, desk: AgentPage) -> None:
    """The pages beside the inbox; the agent has signed in."""
    for name in ("articles", "gaps", "reports", "settings", "members", "keys", "audit"):
        desk.driver.get(f"{careline.url}/dashboard/{name}")
        camera.take(desk, name)
    desk.driver.get(f"{careline.url}/dashboard/articles?state=published&q=return")
    desk.driver.find_element(By.CSS_SELECTOR, ".table td a").click()
    camera.take(desk, "editor")
    desk.driver.find_element(By.CSS_SELECTOR, "[data-open=palette]").click()
    camera.take(desk, "palette")


def main() -> None:
    """Start the application, take the pictures, stop it."""
    is_all = len(sys.argv) > 1
    pictures = Path(sys.argv[1]) if is_all else FOLDER
    pictures.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        engine = write_script(folder / "script.jsonl", slowly=".", delay_ms=DELAY_MS)
        careline = Careline.launch(folder / "data", "--engine", engine)
        try:
            take_all(careline, folder, pictures, None if is_all else CHOSEN)
        finally:
            careline.stop()


if __name__ == "__main__":
    main()
