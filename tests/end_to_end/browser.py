"""A Chromium of the distribution, driven by its own chromedriver; nothing is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.patience import PATIENCE_S

CHROMIUM = "/usr/bin/chromium"
CHROMEDRIVER = "/usr/bin/chromedriver"
MISSING = "Chromium is missing: apt-get install chromium chromium-driver"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


class Scheme(StrEnum):
    """What the person at the machine prefers."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Screen:
    """Size in CSS pixels."""

    width: int
    height: int


DESKTOP = Screen(1440, 900)
PHONE = Screen(390, 844)


def is_installed() -> bool:
    """Whether a browser can be driven here."""
    return shutil.which(CHROMIUM) is not None and shutil.which(CHROMEDRIVER) is not None


@contextmanager
def chromium(profile: Path, screen: Screen = DESKTOP) -> Iterator[Chrome]:
    """A browser with a profile of its own; `profile` is an empty or new folder."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.set_script_timeout(PATIENCE_S)
    try:
        show_as(driver, screen)
        yield driver
    finally:
        driver.quit()


def show_as(driver: Chrome, screen: Screen, scheme: Scheme = Scheme.LIGHT) -> None:
    """Give the page this size and colour scheme."""
    is_phone = screen.width < 600
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": screen.width,
            "height": screen.height,
            "deviceScaleFactor": 1,
            "mobile": is_phone,
        },
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": str(scheme)}]},
    )


def forget_everything(driver: Chrome, origin: str) -> None:
    """Cookies, storage and logs, as if the browser had just been installed."""
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    for kind in ("browser", "performance"):
        driver.get_log(kind)  # type: ignore[no-untyped-call]  # selenium's; reading empties it
