"""The application's routes over the parts of a test.

Putting them together takes longer than most tests, and they hold nothing but their parts; so it is
done once a process, and every test has a copy that knows its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy

from fastapi import FastAPI
from starlette.datastructures import State

from app.main import assemble
from app.parts import Parts

_assembled: list[FastAPI] = []


def routes_over(parts: Parts) -> FastAPI:
    """As `app.main` assembles them, without a lifespan."""
    if not _assembled:
        _assembled.append(assemble(parts, _nothing))
    own = copy(_assembled[0])
    own.state = State({"parts": parts})
    own.middleware_stack = None  # made at the first request, around the copy
    return own


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield
