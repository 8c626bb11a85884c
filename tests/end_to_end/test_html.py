"""Every page that a link leads to is HTML as the standard has it: the Nu checker finds no error."""

import json
import re
import subprocess
from collections import deque
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from tests.end_to_end.server import EMAIL, PASSWORD, Careline
from tests.patience import PATIENCE_S

JAR = Path(__file__).parents[2] / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
LEAST_PAGES = 30
IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/articles/|/products/)(?!new\b)[\w-]+")


class Links(HTMLParser):
    """Where a page's links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href is not None:
            self.hrefs.append(href)


def crawl(careline: Careline) -> dict[str, str]:
    """One page of every kind that the owner can reach by links, by its address."""
    with httpx.Client(base_url=careline.url, follow_redirects=True, timeout=PATIENCE_S) as browser:
        pages = {"/dashboard/sign-in": browser.get("/dashboard/sign-in").text}
        signed_in = browser.post(
            "/dashboard/sign-in",
            data={"email": EMAIL, "password": PASSWORD},
            headers={"Origin": careline.url},
        )
        assert signed_in.url.path == "/dashboard", signed_in.text
        waiting, known = deque(["/", "/dashboard", "/nowhere"]), {"/", "/dashboard"}
        while waiting:
            path = waiting.popleft()
            answer = browser.get(path, headers={"Accept": "text/html"})
            if not answer.headers.get("Content-Type", "").startswith("text/html"):
                continue
            pages[path] = answer.text
            for href in Links(answer.text).hrefs:
                link = urlsplit(urljoin(f"{careline.url}{path}", href))
                kind = IDENTITY.sub("*", link.path)
                if f"{link.scheme}://{link.netloc}" == careline.url and kind not in known:
                    known.add(kind)
                    waiting.append(link.path)
    return pages


def test_every_page_is_sound_html(careline: Careline, tmp_path: Path) -> None:
    pages = crawl(careline)
    assert len(pages) >= LEAST_PAGES, sorted(pages)
    names = {}
    for number, (path, page) in enumerate(pages.items()):
        file = tmp_path / f"{number}.html"
        # htmx's own attributes are no part of HTML, and are asked to stand aside.
        file.write_text(page.replace(" hx-", " data-hx-"), encoding="utf-8")
        names[file.name] = path

    command = ["java", "-Xss4m", "-jar", str(JAR), "--errors-only", "--format", "json"]
    checked = subprocess.run(
        [*command, *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )

    found = [
        f"{names[Path(one['url']).name]}:{one['lastLine']}: {one['message']}"
        for one in json.loads(checked.stdout or checked.stderr)["messages"]
    ]
    assert not found, "\n".join(found)
