"""The part of a customer's hello that says who they are, where their page says so."""

from dataclasses import replace

from app.conversations import visitors
from app.errors import NotSignedIn
from app.identity import service as identities
from app.identity.contacts import identify, is_somebody_else
from app.identity.tokens import BadIdentity
from app.live.protocol import Hello
from app.models import Contact, Inbox
from app.parts import Parts
from app.security import hash_token
from app.speakers import Customer

JsonObject = dict[str, object]


class IdentityRequired(NotSignedIn):
    """This site chats with people it knows only."""

    code, sentence = "identity_required", "Please sign in to chat."


async def identified(
    parts: Parts, inbox: Inbox, hello: Hello, customer: Customer
) -> tuple[Customer, JsonObject]:
    """The customer as their page's server says who they are, and what `welcome` tells of it.

    A token that proves nothing leaves them nameless where the site does not insist, so that a
    company sees its mistakes before its customers do.

    Raises:
        BadIdentity, IdentityRequired: the site insists.
    """
    if hello.jwt is None:
        if inbox.enforce_identity and not await _is_known(parts, customer):
            raise IdentityRequired
        return customer, {}
    try:
        return await _identify(parts, inbox, hello.jwt, customer)
    except BadIdentity as error:
        parts.metrics.auth_failures.labels(reason="identity").inc()
        if inbox.enforce_identity:
            raise
        return customer, {"identity": {"code": error.code, "message": error.sentence}}


async def _identify(
    parts: Parts, inbox: Inbox, token: str, customer: Customer
) -> tuple[Customer, JsonObject]:
    told: JsonObject = {}
    async with parts.database.work() as work:
        identity = await identities.verify(work, parts.secrets, inbox, token)
        customer = await visitors.refreshed(work.session, customer)
        if await is_somebody_else(work, customer, identity):
            await visitors.forget(work, customer)
            session = parts.secrets.new_visitor_token(inbox.public_token)
            told["session"] = session
            customer = replace(
                customer, token_hash=hash_token(session), contact_id=None, is_stored=False
            )
        customer = await identify(work, customer, identity)
    return customer, told | {"identity": {"id": identity.external_id, "name": identity.name}}


async def _is_known(parts: Parts, customer: Customer) -> bool:
    """Whether this session was identified before; its token expires, the session goes on."""
    if customer.contact_id is None:
        return False
    async with parts.database.snapshot() as session:
        contact = await session.get_one(Contact, customer.contact_id)
    return contact.external_id is not None
