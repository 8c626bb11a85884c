"""What a site asks before the first message: validated here, kept until there is a contact."""

import re
from dataclasses import replace
from datetime import datetime

from app.errors import AppError
from app.live.protocol import Details as DetailsFrame
from app.speakers import Customer, Details
from app.widget.looks import Asks, Prechat

_MAX_NAME_CHARS, _MAX_EMAIL_CHARS = 200, 254
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;.]+")


class BadDetails(AppError):
    """What was told does not fit; `fields` says where and how."""

    code, status, sentence = "invalid", 422, "Please look at the fields once more."

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__()
        self.fields = [{"pointer": f"/{name}", "code": problems[name]} for name in problems]


class DetailsRequired(AppError):
    """The site wants to know first who writes."""

    code, status = "details_required", 403
    sentence = "Please fill in the form before you write."


def read_details(frame: DetailsFrame, asked: Prechat, now: datetime) -> Details:
    """What was told, as it is stored.

    Raises:
        BadDetails: by field `required`, `too_long`, `email`, `invalid` or `consent`.
    """
    problems: dict[str, str] = {}
    name = _read("name", frame.name, asked.name, _MAX_NAME_CHARS, problems)
    email = _read("email", frame.email, asked.email, _MAX_EMAIL_CHARS, problems)
    if email and not _EMAIL.fullmatch(email):
        problems.setdefault("email", "email")
    if asked.privacy_url and not frame.consent:
        problems["consent"] = "consent"
    if problems:
        raise BadDetails(problems)
    consented_at = now if asked.privacy_url else None
    return Details(name or None, email.lower() or None, consented_at)


def check_asked(customer: Customer) -> None:
    """Raises: DetailsRequired when a stranger writes before they have said who they are."""
    if customer.is_asked and customer.contact_id is None and customer.details is None:
        raise DetailsRequired


def with_question(customer: Customer, asked: Prechat) -> Customer:
    """The customer with what is to be asked of them: nobody is asked twice."""
    is_known = customer.contact_id is not None or customer.identity is not None
    return replace(customer, is_asked=asked.is_on and not is_known)


def _read(field: str, told: str, asks: Asks, limit: int, problems: dict[str, str]) -> str:
    text = told.strip() if asks != Asks.OFF else ""
    if asks == Asks.REQUIRED and not text:
        problems[field] = "required"
    elif len(text) > limit:
        problems[field] = "too_long"
    elif _CONTROL.search(text):
        problems[field] = "invalid"
    return text
