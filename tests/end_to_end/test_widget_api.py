"""What a page may say to the widget and hears from it, who is speaking, and how it looks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from app.identity.tokens import ALGORITHM
from tests.app.identity.signing import Signer
from tests.end_to_end.browser import DESKTOP, PHONE, Scheme, show_as
from tests.end_to_end.pages import AgentPage, CustomerPage
from tests.end_to_end.server import Careline
from tests.end_to_end.shop_page import inbox_with, shop_page
from tests.end_to_end.test_pages import barriers

OpenWindow = Callable[[], Chrome]
QUESTION = "How do I return an item?"
_PARTS = """
const root = document.querySelector("care-widget").shadowRoot;
const style = (selector) => getComputedStyle(root.querySelector(selector));
const pixel = (colour) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
return Object.fromEntries(Object.entries(arguments[0]).map(([name, [selector, property]]) =>
  [name, pixel(style(selector)[property])]));
"""


def heard(page: CustomerPage, event: str) -> list[dict[str, Any]]:
    """The details of all such events so far."""
    told = page.driver.execute_script("return JSON.stringify(window.heard)")
    return [detail for name, detail in json.loads(told) if name == event]


def stored(page: CustomerPage) -> list[str]:
    """What the page's origin has kept on the device."""
    return list(
        page.driver.execute_script(
            "return [document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
            ".filter(Boolean)"
        )
    )


def care(page: CustomerPage, *call: object) -> None:
    """Call `$care` in the page."""
    page.driver.execute_script("window.$care(...arguments[0])", list(call))


def new_signer(careline: Careline, window: OpenWindow) -> Signer:
    """A secret made by the demo's owner on the page for it."""
    desk = AgentPage(window())
    desk.sign_in(careline.url)
    desk.driver.get(f"{careline.url}/dashboard/widget")
    desk.driver.find_element(By.NAME, "secret_name").send_keys("Shop server")
    desk.driver.find_element(By.CSS_SELECTOR, "form[action$='/secrets'] button").click()
    secret = desk.until(
        lambda: desk.driver.find_elements(By.CSS_SELECTOR, "#new-secret input"), "the secret"
    )[0]
    kid = desk.driver.find_element(By.CSS_SELECTOR, "#new-secret code")
    return Signer(kid.text, str(secret.get_attribute("value")))


def test_a_page_says_and_hears_everything_and_nothing_throws(
    careline: Careline, window: OpenWindow
) -> None:
    page = CustomerPage(window())
    before = '$care("locale", "nl"); $care("nonsense"); $care("theme", {side: "left"});'
    with (
        shop_page(careline, before=before) as origin,
        inbox_with(careline, allowed_origins=[origin]),
    ):
        page.driver.get(origin)
        page.find(".launcher")
        page.until(lambda: page.warnings("no command nonsense"), "a word in the console")
        assert page.all(".panel") == [] and stored(page) == []

        care(page, "open")
        page.until(lambda: page.state_line().startswith("AI-assistent"), "Dutch")
        care(page, "close")
        assert stored(page) == [], "nothing is kept before somebody has written"
        care(page, "send", QUESTION)
        answer = page.wait_for_whole_answer()
        page.until(lambda: len(heard(page, "message")) == 2, "both messages")
        care(page, "locale", "ar")
        page.until(lambda: page.find(".panel").get_attribute("dir") == "rtl", "right to left")
        assert page.answer() == answer
        assert barriers(page) == []
        care(page, "hide")
        page.until(lambda: not page.all(".launcher") and not page.all(".panel"), "nothing there")
        care(page, "show")
        page.find(".launcher")
        care(page, "destroy")
        page.until(lambda: not page.driver.find_elements(By.TAG_NAME, "care-widget"), "it is gone")
        care(page, "open")

        assert [one["role"] for one in heard(page, "message")] == ["customer", "bot"]
        assert len(heard(page, "ready")) == 1
        assert (len(heard(page, "open")), len(heard(page, "close"))) == (2, 2)
        assert len(stored(page)) == 1
        assert [one for one in page.problems() if "favicon" not in one] == []


def test_who_has_signed_in_is_known_to_the_desk_and_gone_after_logging_out(
    careline: Careline, window: OpenWindow
) -> None:
    page = CustomerPage(window())
    signer = new_signer(careline, window)
    assert ALGORITHM == "HS256"
    with shop_page(careline) as origin, inbox_with(careline, allowed_origins=[origin]):
        page.driver.get(origin)
        page.open_chat()
        page.ask(QUESTION)
        page.wait_for_whole_answer()
        care(page, "identify", {"token": "a.b.c"})
        page.until(lambda: heard(page, "error"), "the error")
        assert heard(page, "error")[0]["code"] == "identity_invalid"
        care(page, "identify", {"token": signer.token("shop-7", name="Ines Vidal")})
        page.until(
            lambda: any(one["d"].get("identity", {}).get("id") for one in page.heard("welcome")),
            "a welcome by name",
        )
        assert len(page.thread()) == 2, "what was said goes along"

        care(page, "logout")
        page.until(lambda: page.thread() == [] and stored(page) == [], "nothing is left")
        page.driver.refresh()
        page.open_chat()
        assert page.thread() == []
        care(page, "identify", {"token": signer.token("shop-7")})
        page.until(lambda: len(page.thread()) == 2, "the conversation, on any device")


def test_a_site_that_insists_lets_in_only_whom_it_knows(
    careline: Careline, window: OpenWindow
) -> None:
    page = CustomerPage(window())
    signer = new_signer(careline, window)
    with (
        shop_page(careline) as origin,
        inbox_with(careline, allowed_origins=[origin], enforce_identity=1),
    ):
        page.driver.get(origin)
        page.find(".launcher").click()
        page.until(lambda: "sign in" in page.find(".banner").text, "a word about signing in")
        page.until(lambda: heard(page, "error"), "the error")
        assert heard(page, "error")[0]["code"] == "identity_required"

        care(page, "identify", {"token": signer.token("shop-8")})
        page.until(lambda: not page.all(".banner"), "the chat is open")
        page.ask(QUESTION)
        page.wait_for_whole_answer()


def test_who_writes_is_asked_first_and_told_at_the_field(
    careline: Careline, window: OpenWindow
) -> None:
    page = CustomerPage(window())
    asked = {
        "is_on": True,
        "name": "optional",
        "email": "required",
        "privacy_url": "https://shop.example/privacy",
    }
    with (
        shop_page(careline, lang="de") as origin,
        inbox_with(careline, allowed_origins=[origin], prechat=asked),
    ):
        page.driver.get(origin)
        page.find(".launcher").click()
        page.find(".prechat .start-chat").click()
        told = [one.text for one in page.all(".problem")]
        assert told == ["Bitte füllen Sie dieses Feld aus.", "Bitte stimmen Sie zuerst zu."]
        assert page.all("textarea") == [], "there is nowhere to write yet"
        assert barriers(page) == []
        page.find("#prechat-email").send_keys("ines@shop.example")
        page.find("#prechat-consent").click()
        page.find(".prechat .start-chat").click()
        page.ask(QUESTION)
        page.wait_for_whole_answer()

        page.driver.refresh()
        page.until(lambda: len(page.thread()) == 2, "the conversation")
        assert page.all(".prechat") == [], "nobody is asked twice"
        assert [one for one in page.problems() if "favicon" not in one] == []


def contrast(one: list[int], other: list[int]) -> float:
    """By WCAG 2.2."""

    def luminance(rgb: list[int]) -> float:
        shares = [value / 255 for value in rgb]
        r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [Scheme.LIGHT, Scheme.DARK])
def test_text_on_any_accent_can_be_read(
    careline: Careline, window: OpenWindow, scheme: Scheme
) -> None:
    page = CustomerPage(window())
    with shop_page(careline) as origin, inbox_with(careline, allowed_origins=[origin]):
        page.driver.get(origin)
        page.open_chat()
        care(page, "theme", str(scheme))
        measured = {
            "accent": (".launcher", "backgroundColor"),
            "on": (".launcher", "color"),
            "avatar": (".avatar", "backgroundColor"),
            "mark": (".avatar", "color"),
            "ink": (".welcome .mark", "color"),
            "soft": (".welcome .mark", "backgroundColor"),
            "surface": (".panel", "backgroundColor"),
        }
        for accent in ("#ffd400", "#0a2540", "#ffffff", "#000000", "#d62828", "#777777", "#00b894"):
            care(page, "theme", {"accent": accent, "accentDark": accent})
            seen = page.driver.execute_script(_PARTS, measured)
            assert contrast(seen["accent"], seen["on"]) >= 4.5, (accent, seen)
            assert contrast(seen["avatar"], seen["mark"]) >= 4.5, (accent, seen)
            assert contrast(seen["soft"], seen["ink"]) >= 3, (accent, seen)
        is_dark = sum(seen["surface"]) < 200
        assert is_dark is (scheme is Scheme.DARK), "the page chooses, not the system"


def test_the_page_may_hold_the_chat_itself(careline: Careline, window: OpenWindow) -> None:
    page = CustomerPage(window())
    body = "<h1>Help</h1><care-widget inline></care-widget><p>Below</p>"
    with shop_page(careline, body=body) as origin, inbox_with(careline, allowed_origins=[origin]):
        page.driver.get(origin)
        panel = page.find(".panel")
        assert page.all(".launcher") == [] and page.all(".close") == []
        assert panel.get_attribute("role") == "region"
        assert page.driver.execute_script("return document.activeElement.tagName") == "BODY"
        below = page.driver.find_element(By.TAG_NAME, "p")
        for screen in (DESKTOP, PHONE):
            show_as(page.driver, screen)
            page.until(lambda: panel.rect["y"] + panel.rect["height"] <= below.rect["y"])
        page.ask(QUESTION)
        page.wait_for_whole_answer()


def test_the_office_shows_a_colour_before_it_is_saved(
    careline: Careline, window: OpenWindow
) -> None:
    driver = window()
    desk, widget = AgentPage(driver), CustomerPage(driver)
    desk.sign_in(careline.url)
    driver.get(f"{careline.url}/dashboard/widget")
    widget.find(".launcher")
    driver.find_element(By.NAME, "accent").send_keys("#0a7f5a")

    seen = {"accent": (".launcher", "backgroundColor")}
    desk.until(lambda: driver.execute_script(_PARTS, seen)["accent"] == [10, 127, 90], "green")
    assert [one for one in desk.problems() if "favicon" not in one] == []
