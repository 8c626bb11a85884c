"""Pages of lists: a cursor is the place of the last row seen, signed, so nothing can be forged.

A page begins behind a place and not at a number, so rows that come or go meanwhile neither repeat
nor hide others.

    found = partial(page_of_contacts, session, caller.workspace_id)
    return await pager.read("contacts", found, ContactResource.of)
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.errors import BadParameter
from app.api.keys import ApiCaller
from app.dependencies import PartsDep
from app.errors import Invalid
from app.security import Secrets

MAX_LIMIT = 100
_DEFAULT_LIMIT = 25
_MAX_CURSOR_CHARS = 600

Item = TypeVar("Item")
Row = TypeVar("Row")
Place = list[str]
"""Where a row stands in its list, as a cursor carries it."""


def _by_id(row: Any) -> Place:
    return [str(row.id)]


class PageMeta(BaseModel):
    """Whether there is more, and where it begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    has_more: bool
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page.")


class PageLinks(BaseModel):
    """Where to go on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    next: str | None = Field(description="Path and query of the next page.")


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: list[Item]
    meta: PageMeta
    links: PageLinks


@dataclass(frozen=True)
class Pager:
    """Which page is asked for."""

    limit: int
    _cursor: str | None
    _request: Request
    _secrets: Secrets

    def after(self, name: str) -> Place | None:
        """The place of the last row seen in the list of this name; None at its beginning.

        Raises:
            BadParameter: the cursor is not ours, or of another list or company.
        """
        if self._cursor is None:
            return None
        try:
            head, *place = self._secrets.open_cursor(self._cursor)
        except Invalid as error:
            raise BadParameter("cursor", error.sentence) from error
        if head != self._head(name):
            raise BadParameter("cursor", "This cursor belongs to another list.")
        return place

    async def read(
        self,
        name: str,
        find: Callable[[Place | None, int], Awaitable[Sequence[Row]]],
        show: Callable[[Row], Item],
        place: Callable[[Row], Place] = _by_id,
    ) -> Page[Item]:
        """The page of what `find(behind, limit)` gives, a list by id unless `place` says another.

        Raises:
            BadParameter: the cursor is not of this list.
        """
        rows = await find(self.after(name), self.limit + 1)
        return self.page(name, rows, show, place)

    def page(
        self,
        name: str,
        rows: Sequence[Row],
        show: Callable[[Row], Item],
        place: Callable[[Row], Place] = _by_id,
        *,
        stopped_at: Place | None = None,
    ) -> Page[Item]:
        """The page of `rows`, one more than `limit` where the list goes on.

        A search that stopped somewhere before the end goes on behind `stopped_at`.
        """
        shown = rows[: self.limit]
        goes_on = place(shown[-1]) if len(rows) > self.limit else stopped_at
        cursor = self._secrets.seal_cursor([self._head(name), *goes_on]) if goes_on else None
        link = str(self._request.url.include_query_params(cursor=cursor)) if cursor else None
        return Page(
            data=[show(row) for row in shown],
            meta=PageMeta(has_more=cursor is not None, next_cursor=cursor),
            links=PageLinks(next=_relative(self._request, link)),
        )

    def _head(self, name: str) -> str:
        caller: ApiCaller = self._request.state.caller
        return f"{name}:{caller.workspace_id}"


def _relative(request: Request, link: str | None) -> str | None:
    """Without scheme and host, which a proxy may have changed."""
    return link.removeprefix(f"{request.url.scheme}://{request.url.netloc}") if link else None


async def _pager(
    request: Request,
    parts: PartsDep,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = _DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(max_length=_MAX_CURSOR_CHARS, description="`meta.next_cursor` of the page before."),
    ] = None,
) -> Pager:
    return Pager(limit, cursor, request, parts.secrets)


PagerDep = Annotated[Pager, Depends(_pager)]
"""Stands after the caller."""
