"""A web page as Markdown: its main part, without menus, scripts and pictures; pure.

What stands between tags is text and stays text: characters that Markdown would take for markup are
escaped. Where a page marks its main part (`main`, `article`), the rest is left out.
"""

import re
from html.parser import HTMLParser

_SKIPPED = {"script", "style", "noscript", "template", "svg", "nav", "header", "footer", "aside"}
_SKIPPED |= {"form", "button", "select", "iframe", "object", "video", "audio", "head"}
_MAIN = {"main", "article"}
_BLOCKS = {"p", "div", "section", "blockquote", "table", "tr", "dl", "dt", "dd", "figure", "body"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`"}
_VOID = {"br", "img", "hr", "input", "meta", "link", "wbr", "source", "area", "col", "embed"}
_ESCAPED = re.compile(r"([\\`*_\[\]<>])")
_LINE_START = re.compile(r"^(\s*\d*)(?=#{1,6}\s|[-+]\s|(?<=\d)[.)]\s)")
_MAX_DEPTH = 200


def html_to_markdown(html: str) -> tuple[str, str]:
    """Title and text of a page; the title is its first heading, else its `title`."""
    reader = _Reader(has_main=re.search(r"<(main|article)[\s>]", html, re.IGNORECASE) is not None)
    reader.feed(html)
    reader.close()
    return reader.result()


class _Reader(HTMLParser):
    def __init__(self, *, has_main: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._has_main = has_main
        self._main_depth = 0
        self._open: list[str] = []
        self._blocks: list[str] = []
        self._text: list[str] = []
        self._lists: list[int | None] = []
        self._is_new_list = False
        self._links: list[str] = []
        self._heading = ""
        self._page_title = ""

    def result(self) -> tuple[str, str]:
        self._end_block()
        title = self._heading or " ".join(self._page_title.split())
        return title, "\n\n".join(self._blocks).strip() + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if tag == "br":
                self._text.append("\n")
            return
        if len(self._open) < _MAX_DEPTH:
            self._open.append(tag)
        self._main_depth += tag in _MAIN
        if not self._is_shown():
            return
        if tag in _HEADINGS or tag in _BLOCKS or tag in ("ul", "ol", "li", "pre"):
            self._end_block()
        if tag in ("ul", "ol"):
            self._is_new_list = not self._lists
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")
            self._text.append("[")
        elif tag in _MARKS and "pre" not in self._open:
            self._text.append(_MARKS[tag])

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        if self._is_shown():
            self._close(tag)
        while self._open:
            last = self._open.pop()
            self._main_depth -= last in _MAIN
            if last == tag:
                break

    def handle_data(self, data: str) -> None:
        if "title" in self._open and "svg" not in self._open:
            self._page_title += data
        elif self._is_shown():
            self._text.append(data if "pre" in self._open else _escape(data))

    def _is_shown(self) -> bool:
        is_main = self._main_depth > 0 or not self._has_main
        return is_main and not any(tag in _SKIPPED for tag in self._open)

    def _close(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._end_link(self._links.pop())
        elif tag in _MARKS and "pre" not in self._open:
            self._text.append(_MARKS[tag])
        elif tag in ("td", "th"):
            self._text.append(" · ")
        elif tag in _HEADINGS:
            self._end_block(_HEADINGS[tag])
        elif tag == "li" or tag in _BLOCKS or tag == "pre":
            self._end_block(tag=tag)
        elif tag in ("ul", "ol"):
            self._end_block()
            if self._lists:
                self._lists.pop()

    def _end_link(self, href: str) -> None:
        start = max((i for i, text in enumerate(self._text) if text == "["), default=0)
        words = "".join(self._text[start + 1 :])
        is_safe = re.fullmatch(r"https?://[^\s()<>]+", href) is not None
        self._text[start:] = [f"[{words}]({href})" if is_safe and words.strip() else words]

    def _end_block(self, level: int | None = None, tag: str = "") -> None:
        raw, self._text = "".join(self._text), []
        if tag == "pre" and raw.strip():
            self._blocks.append("```\n" + raw.strip("\n").replace("```", "'''") + "\n```")
            return
        lines = [" ".join(line.split()) for line in raw.split("\n")]
        text = "\n".join(line for line in lines if line).removesuffix(" ·")
        if not text.strip():
            return
        if level == 1 and not self._heading:
            self._heading = _plain(text)
        elif level is not None:
            self._blocks.append(f"{'#' * max(level, 2)} {_plain(text)}")
        elif self._lists and "li" in self._open:
            self._add_item(text)
        elif "blockquote" in self._open:
            self._blocks.append("\n".join(f"> {line}" for line in text.split("\n")))
        else:
            self._blocks.append(text)

    def _add_item(self, text: str) -> None:
        indent = "   " * (len(self._lists) - 1)
        marker = "-"
        if self._lists[-1] is not None:
            self._lists[-1] += 1
            marker = f"{self._lists[-1]}."
        item = f"{indent}{marker} " + text.replace("\n", f"\n{indent}   ")
        is_going_on = not self._is_new_list and bool(self._blocks)
        self._is_new_list = False
        if is_going_on:
            self._blocks[-1] += f"\n{item}"
        else:
            self._blocks.append(item)


def _escape(text: str) -> str:
    return _LINE_START.sub(r"\1\\", _ESCAPED.sub(r"\\\1", re.sub(r"\s+", " ", text)))


def _plain(text: str) -> str:
    unmarked = re.sub(r"\*\*|(?<!\\)[*`]|\[([^\]]*)\]\([^)]*\)", r"\1", text.replace("\n", " "))
    return re.sub(r"\\([\\`*_\[\]<>])", r"\1", unmarked).strip()
