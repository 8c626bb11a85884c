"""Our own pages: Jinja with escaping on and undefined names as errors, built files by their names.

Scripts and styles are files of ours; nothing stands inline, so the policy needs no exception.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from zlib import crc32

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.clock import as_wire
from app.headers import CONTENT_SECURITY_POLICY
from app.office.words import FILTERS

TEMPLATES = Path(__file__).parent.parent / "templates"
STATIC = Path(__file__).parent / "static"
POLICY = f"{CONTENT_SECURITY_POLICY}; font-src 'self'"
_NUM_TINTS = 6
_HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}


def page(
    template: str,
    values: Mapping[str, object],
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page or a part of one; a name the template uses and `values` lacks is an error."""
    text = environment().get_template(template).render(values)
    return HTMLResponse(text, status_code=status, headers=_HEADERS | dict(headers or {}))


def error_page(status: int, sentence: str, *, is_desk: bool) -> HTMLResponse:
    """A failure as a page for a person; at the desk it leads back to the inbox."""
    values = {
        "title": sentence,
        "stylesheet": "dashboard.css",
        "status": status,
        "sentence": sentence,
        "is_desk": is_desk,
    }
    return page("error.html", values, status=status)


@cache
def environment() -> Environment:
    """The templates with the filters and functions they may use."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"clock": _clock, "initials": initials, "tint": tint, "wire": as_wire} | FILTERS
    made.globals |= {"asset": asset, "vendored": vendored}
    return made


def asset(name: str) -> str:
    """The address of a built file; it changes with the content."""
    return f"/static/build/{_manifest()[name]}"


def vendored(path: str) -> str:
    """The address of a file of another project, such as `htmx/htmx.min.js`."""
    return f"/static/vendor/{path}?v={_vendor_versions()[path.split('/')[0]]}"


def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    words = name.split()
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [name.strip()[:1] or "?"]
    return "".join(letters).upper()


def tint(name: str) -> int:
    """A colour number that stays with the name."""
    return crc32(name.encode()) % _NUM_TINTS


def _clock(moment: datetime) -> str:
    return f"{moment:%d %b, %H:%M} UTC"


@cache
def _manifest() -> dict[str, str]:
    names: dict[str, str] = json.loads((STATIC / "build" / "manifest.json").read_bytes())
    return names


@cache
def _vendor_versions() -> dict[str, str]:
    lock = json.loads((STATIC / "vendor" / "vendor.lock.json").read_bytes())
    return {folder: entry["version"] for folder, entry in lock.items()}
