"""The forms that stand on pages, as a browser would send them."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class PageForm:
    """Where a form goes and what stands in it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    own_id: str = ""
    included: str = ""
    """The id of another form whose fields go along."""


class PageReader(HTMLParser):
    """Reads the forms of a page, those that htmx sends included, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[PageForm] = []
        self.links: list[str] = []
        self._form: PageForm | None = None
        self._select = self._area = ""
        self.feed(html)
        by_id = {form.own_id: form.fields for form in self.forms if form.own_id}
        for form in self.forms:
            form.fields = by_id.get(form.included, {}) | form.fields

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what can be followed, sent or filled in."""
        given = {name: value or "" for name, value in attrs}
        self.links += [given[name] for name in ("href", "hx-get") if name in given]
        self.links += [given["value"]] if "readonly" in given else []
        if tag == "form" and (given.get("method") == "post" or "hx-post" in given):
            action = given.get("hx-post") or given["action"]
            self._form = PageForm(action, own_id=given.get("id", ""), included=_included(given))
            self.forms.append(self._form)
        elif "hx-post" in given:
            own = json.loads(given.get("hx-vals", "{}"))
            self.forms.append(PageForm(given["hx-post"], own, included=_included(given)))
        if self._form is not None:
            self._take(self._form, tag, given)

    def handle_data(self, data: str) -> None:
        """A longer text's own content."""
        if self._form is not None and self._area:
            self._form.fields[self._area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        """What ends takes nothing more."""
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = ""

    def _take(self, form: PageForm, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "button" and "formaction" in given:
            form.own_id = form.own_id or f"form-{len(self.forms)}"
            self.forms.append(PageForm(given["formaction"], included=form.own_id))
        elif tag == "input" and name:
            form.fields[name] = given.get("value", "")
        elif tag == "textarea" and name:
            form.fields[name], self._area = "", name
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = given.get("value", "")


def _included(given: dict[str, str]) -> str:
    return given.get("hx-include", "").removeprefix("#")
