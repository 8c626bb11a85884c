"""A shop on another host that embeds the widget under a policy without exceptions."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.end_to_end.server import Careline

_RECORD = """
window.heard = [];
for (const name of ["ready", "open", "close", "unread", "message", "handoff", "resolved", "error"])
  window.$care("on", name, (detail) => window.heard.push([name, detail]));
"""
_STUB = "window.$care=window.$care||function(){($care.q=$care.q||[]).push(arguments)};"


@contextmanager
def shop_page(
    careline: Careline, *, before: str = "", body: str = "", tag: str = "", lang: str = "en"
) -> Iterator[str]:
    """Serves it for the block and yields its address.

    `before` runs before the widget is there, in a file as the policy demands; `tag` is more of the
    script tag, `body` more of the page.
    """
    host = careline.url
    policy = (
        f"default-src 'none'; script-src 'self' {host}; style-src {host}; "
        f"connect-src {host} {host.replace('http', 'ws')}"
    )
    page = (
        f'<!doctype html><html lang="{lang}"><meta name="viewport" content="width=device-width">'
        f'<title>Shop</title><script src="/page.js"></script>{body}'
        f'<script async src="{host}/widget.js" data-site="pk_demo" {tag}></script>'
    )
    served = {
        "/": ("text/html", page),
        "/page.js": ("text/javascript", _STUB + _RECORD + before),
    }

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = served.get(self.path, ("text/plain", ""))
            self.send_response(200 if self.path in served else 404)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(text.encode())

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


@contextmanager
def inbox_with(careline: Careline, **columns: object) -> Iterator[None]:
    """The demo's site with these columns for the block; lists and objects are stored as JSON."""
    names = ", ".join(columns)
    places = ", ".join(f"{name} = ?" for name in columns)
    with sqlite3.connect(careline.data / "careline.db") as database:
        [before] = database.execute(f"SELECT {names} FROM inbox").fetchall()
        stored = [
            json.dumps(one) if isinstance(one, dict | list) else one for one in columns.values()
        ]
        database.execute(f"UPDATE inbox SET {places}", stored)
    try:
        yield
    finally:
        with sqlite3.connect(careline.data / "careline.db") as database:
            database.execute(f"UPDATE inbox SET {places}", before)
