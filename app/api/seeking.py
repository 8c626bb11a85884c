"""Lists by id: ids of version 7 grow with time, so a page begins behind the last id seen.

No page costs more than another: the index leads to the place.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, not_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.errors import Invalid

Columns = TypeVarTuple("Columns")


class Order(StrEnum):
    """`desc` is newest first."""

    ASC = "asc"
    DESC = "desc"


def seek(
    query: Select[*Columns],
    columns: Sequence[InstrumentedAttribute[Any]],
    after: Sequence[Any] | None,
    limit: int,
    order: Order = Order.DESC,
) -> Select[*Columns]:
    """The next `limit` rows behind the place `after`, which has a value of each column.

    The last column is unique, and none is null.
    """
    if after is not None:
        query = query.where(_behind(columns, after, order))
    by = [column.desc() if order is Order.DESC else column.asc() for column in columns]
    return query.order_by(*by).limit(limit)


def up_to(
    columns: Sequence[InstrumentedAttribute[Any]], last: Sequence[Any], order: Order
) -> ColumnElement[bool]:
    """Rows that come before a place, or stand there."""
    first, value = columns[0], last[0]  # said once more, for an index to end there
    ends = first >= value if order is Order.DESC else first <= value
    return and_(ends, not_(_further(columns, last, order)))


async def last_of_stretch(
    session: AsyncSession,
    ids: Select[UUID],
    column: InstrumentedAttribute[UUID],
    after: Sequence[Any] | None,
    num: int,
) -> UUID | None:
    """The last of the next `num` ids, newest first; None where the list ends before.

    For what no index finds: a page looks through so many rows and says where it stopped.
    """
    found = (await session.scalars(seek(ids, [column], after, 2).offset(num - 1))).all()
    return found[0] if len(found) == 2 else None


def place_of_id(after: Sequence[str] | None) -> tuple[UUID] | None:
    """The place of a list that is ordered by id alone.

    Raises:
        Invalid: it is none.
    """
    if after is None:
        return None
    try:
        return (UUID(after[0]),)
    except (IndexError, ValueError) as error:
        raise Invalid("This cursor belongs to another list.") from error


def place_of_number(after: Sequence[str] | None) -> tuple[int] | None:
    """The place of a list that is ordered by a number from 0.

    Raises:
        Invalid: it is none.
    """
    if after is None:
        return None
    if len(after) != 1 or not after[0].isdecimal():
        raise Invalid("This cursor belongs to another list.")
    return (int(after[0]),)


def _behind(
    columns: Sequence[InstrumentedAttribute[Any]], after: Sequence[Any], order: Order
) -> ColumnElement[bool]:
    first, value = columns[0], after[0]  # said once more, for an index to begin there
    begins = first <= value if order is Order.DESC else first >= value
    return and_(begins, _further(columns, after, order))


def _further(
    columns: Sequence[InstrumentedAttribute[Any]], after: Sequence[Any], order: Order
) -> ColumnElement[bool]:
    """(a, b) behind (x, y): a behind x, or a = x and b behind y."""
    alternatives = []
    for i, (column, value) in enumerate(zip(columns, after, strict=True)):
        equal = [columns[j] == after[j] for j in range(i)]
        further = column < value if order is Order.DESC else column > value
        alternatives.append(and_(*equal, further))
    return or_(*alternatives)
