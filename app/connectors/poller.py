"""Looks for news in ticket systems that do not tell them by themselves.

One worker at a time has a connector, by a lease. What is found is applied comment by comment, each
in a unit of work of its own, and the cursor moves only when all of it is; so a worker that dies
repeats, and `inward.py` does nothing twice. While the ticket system can be reached, the account
that answers for it counts as present.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from app.clock import Clock
from app.connectors.inward import (
    House,
    find_link,
    is_on,
    take_comment,
    take_status,
    take_ticket,
)
from app.connectors.system import ODD, Comment, Ticket, TicketSystem, TicketTrouble
from app.connectors.systems import Systems
from app.connectors.zendesk import Zendesk
from app.database import Database
from app.errors import AppError, Unavailable
from app.models import (
    Agent,
    Connector,
    JsonObject,
    TicketComment,
    TicketLink,
    WebhookEndpoint,
)
from app.vocabulary import TicketStatus

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=15)
_AFTER_TROUBLE = timedelta(minutes=1)
_LEASE = timedelta(minutes=5)
_ERROR_CHARS = 400
_AT_ONCE = 16
_GONE = (404, 410)


@dataclass(frozen=True)
class Known:
    """What is known of a ticket here."""

    status: TicketStatus | None
    """None: it is not linked."""
    comment_refs: frozenset[str] = frozenset()


class Poller:
    """Polls connectors as long as `run()` runs."""

    def __init__(
        self,
        database: Database,
        systems: Systems,
        clock: Clock,
        house: House,
        *,
        every_s: float,
    ) -> None:
        self._database = database
        self._systems = systems
        self._clock = clock
        self._house = house
        self._every_s = every_s

    async def run(self) -> None:
        """Until cancelled; an unreachable store is waited for."""
        while True:
            try:
                await self.run_due()
            except Unavailable:
                log.warning("connectors were not polled")
            except Exception:
                log.exception("polling failed")
            await asyncio.sleep(self._every_s)

    async def run_due(self) -> int:
        """Poll every connector whose time has come, none waiting for another; returns how many."""
        claimed = await self._claim()
        await asyncio.gather(*map(self._poll, claimed))
        return len(claimed)

    async def look_at(self, connector: Connector, ticket_ref: str) -> bool:
        """Read a ticket that Zendesk has told of, now; whether anything came of it.

        Raises:
            TicketTrouble: it cannot be read.
        """
        known = await self._known(connector.id, ticket_ref)
        if known.status is None and not is_on(connector.settings, "imports"):
            return False
        system = await self._systems.open(connector)
        assert isinstance(system, Zendesk), "others tell their news whole"
        try:
            return await self._apply(connector, system, await system.ticket(ticket_ref))
        except TicketTrouble as trouble:
            if trouble.http_status in _GONE:
                return False
            raise
        except ODD as odd:
            raise TicketTrouble("Its answer was not as documented.") from odd

    async def _claim(self) -> list[Connector]:
        now = self._clock()
        is_free = or_(Connector.poll_locked_until.is_(None), Connector.poll_locked_until <= now)
        is_on = WebhookEndpoint.disabled_at.is_(None)
        due = (
            select(Connector)
            .join(WebhookEndpoint, WebhookEndpoint.id == Connector.endpoint_id)
            .where(Connector.poll_at <= now, is_free, is_on)
        )
        async with self._database.snapshot() as session:
            if (await session.scalars(due.limit(1))).first() is None:
                return []
        async with self._database.work() as work:
            soonest = due.order_by(Connector.poll_at).limit(_AT_ONCE)
            locked = soonest.with_for_update(skip_locked=True, of=Connector)
            claimed = list(await work.session.scalars(locked))
            for connector in claimed:
                connector.poll_locked_until = now + _LEASE
        return claimed

    async def _poll(self, connector: Connector) -> None:
        """The edge of one connector: whatever its ticket system does, others are polled."""
        cursor, error = connector.cursor, None
        try:
            cursor = await self._read(connector)
        except AppError as trouble:
            error = trouble.sentence
        except ODD as odd:
            log.warning("a ticket system answered oddly", exc_info=odd)
            error = f"Its answer was not as documented: {type(odd).__name__} {odd}"
        except Exception as failure:
            log.exception("polling failed", extra={"connector": str(connector.id)})
            error = f"It failed here: {type(failure).__name__}."
        try:
            await self._note(connector, cursor, error)
        except Unavailable:
            log.warning("a poll was not noted; it is done again after its lease")

    async def _read(self, connector: Connector) -> JsonObject:
        """Apply what has changed, and tell where to go on.

        A ticket that is gone or that is refused here does not hold up those behind it.
        """
        system = await self._systems.open(connector)
        changed = await system.changed(connector.cursor)
        for ticket in changed.tickets:
            try:
                await self._apply(connector, system, ticket)
            except Unavailable:
                raise
            except TicketTrouble as trouble:
                if trouble.http_status not in _GONE:
                    raise
            except AppError as refusal:
                known = {"connector": str(connector.id), "code": refusal.code}
                log.warning("news of a ticket were refused", extra=known)
        return changed.cursor

    async def _apply(self, connector: Connector, system: TicketSystem, ticket: Ticket) -> bool:
        """Whether anything came of it."""
        known = await self._known(connector.id, ticket.ref)
        if known.status is None and not is_on(connector.settings, "imports"):
            return False
        fresh = await system.comments(ticket.ref, known.comment_refs)
        is_taken = False
        if known.status is None:
            said = _first_words(ticket, fresh)
            if said is None or ticket.is_ours or ticket.status is TicketStatus.RESOLVED:
                return False
            is_taken = await self._take(connector, ticket, said)
        for comment in fresh:
            async with self._database.work() as work:
                link = await find_link(work, connector.id, ticket.ref)
                if link is not None:
                    is_taken |= await take_comment(work, self._house, connector, link, comment)
        async with self._database.work() as work:
            link = await find_link(work, connector.id, ticket.ref, is_locked=True)
            if link is not None:
                is_taken |= await take_status(work, self._house, connector, link, ticket.status)
        return is_taken

    async def _take(self, connector: Connector, ticket: Ticket, said: Comment) -> bool:
        try:
            async with self._database.work() as work:
                return await take_ticket(work, connector, ticket, said) is not None
        except IntegrityError:  # a webhook brought it in the same moment
            return False

    async def _known(self, connector_id: UUID, ticket_ref: str) -> Known:
        async with self._database.snapshot() as session:
            query = select(TicketLink).where(
                TicketLink.connector_id == connector_id, TicketLink.ticket_ref == ticket_ref
            )
            link = (await session.scalars(query)).one_or_none()
            if link is None:
                return Known(None)
            refs = select(TicketComment.ref).where(TicketComment.link_id == link.id)
            return Known(link.status, frozenset(await session.scalars(refs)))

    async def _note(self, connector: Connector, cursor: JsonObject, error: str | None) -> None:
        """Where to go on and when."""
        now = self._clock()
        async with self._database.work() as work:
            stored = await work.session.get(Connector, connector.id)
            if stored is None:
                return
            stored.cursor, stored.poll_locked_until = cursor, None
            stored.poll_error = error[:_ERROR_CHARS] if error else None
            stored.poll_at = now + (_AFTER_TROUBLE if error else EVERY)
            if error is None:
                account = Agent.id == stored.agent_id
                await work.session.execute(update(Agent).where(account).values(last_seen_at=now))


def _first_words(ticket: Ticket, comments: list[Comment]) -> Comment | None:
    """What a ticket began with."""
    if ticket.text:
        return Comment("description", ticket.text, ticket.requester.name, is_customers=True)
    return next((one for one in comments if not one.is_internal and not one.is_ours), None)


async def try_out(system: TicketSystem) -> str:
    """Who we are in a ticket system.

    Raises:
        TicketTrouble: it cannot be reached, or does not know us.
    """
    try:
        return await system.check()
    except ODD as odd:
        raise TicketTrouble("Its answer was not as documented.") from odd
