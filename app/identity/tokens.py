"""Tokens by which a company's server says who is speaking: JWT (RFC 7519), HS256 and nothing else.

Pure but for the library's arithmetic: keys and time come from outside. The algorithm is fixed here,
never read from the token, so `none` and changes of algorithm lead nowhere.
"""

import math
import re
from datetime import datetime, timedelta
from typing import Any

import jwt

from app.errors import AppError
from app.speakers import Identity

ALGORITHM = "HS256"
MAX_LIFE = timedelta(hours=1)
_LEEWAY = timedelta(seconds=60)
"""Two servers' clocks differ."""

_MAX_ATTRIBUTES = 20
_MAX_VALUE_CHARS = 500
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;.]+")
_CLAIM_CHARS = {"sub": 200, "email": 254, "name": 200}

Claims = dict[str, Any]


class BadIdentity(AppError):
    """A token that proves nothing; the sentence is for whoever writes the code that signs."""

    code, status, sentence = "identity_invalid", 401, "This identity token is not valid."


class ExpiredIdentity(BadIdentity):
    """It was good once; the page can ask its server for another."""

    code, sentence = "identity_expired", "This identity token has expired; sign a new one."


def key_id(token: str) -> str:
    """The `kid` of the token's head, so that one secret is tried and not all.

    Raises:
        BadIdentity: it is no JWT, of another algorithm, or has no `kid`.
    """
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError) as error:
        raise BadIdentity("This identity token is not a JWT.") from error
    if head.get("alg") != ALGORITHM:
        raise BadIdentity(f"An identity token must be signed with {ALGORITHM}.")
    if "crit" in head:
        raise BadIdentity("An identity token may not name critical extensions.")
    kid = head.get("kid")
    if not isinstance(kid, str) or not kid:
        raise BadIdentity("The head of an identity token must name its secret as “kid”.")
    return kid


def read_identity(token: str, secret: str, now: datetime) -> Identity:
    """Who the token says is speaking.

    Raises:
        BadIdentity, ExpiredIdentity: signature, times or claims do not fit; the sentence says how.
    """
    claims = _verified(token, secret)
    _check_times(claims, now)
    external_id = _text(claims, "sub")
    if external_id is None:
        raise BadIdentity("An identity token must say who it is for, as “sub”.")
    email = _text(claims, "email")
    if email is not None and not _EMAIL.fullmatch(email):
        raise BadIdentity("The claim “email” is not an e-mail address.")
    return Identity(
        external_id=external_id,
        email=email.lower() if email else None,
        name=_text(claims, "name"),
        attributes=clean_attributes(claims.get("attributes", {})),
    )


def clean_attributes(attributes: object) -> dict[str, Any]:
    """Flat and bounded, as they are stored; None takes one away.

    Raises:
        BadIdentity: nested, too many, too long, or with names that cannot be shown.
    """
    if not isinstance(attributes, dict):
        raise BadIdentity("Attributes must be an object of names and values.")
    if len(attributes) > _MAX_ATTRIBUTES:
        raise BadIdentity(f"At most {_MAX_ATTRIBUTES} attributes; there are {len(attributes)}.")
    for name, value in attributes.items():
        if not isinstance(name, str) or not _ATTRIBUTE.fullmatch(name):
            raise BadIdentity(
                "The name of an attribute begins with a letter and has at most 40 of these: "
                "letters, digits, “_”, “.”, “-”."
            )
        if not _is_plain(value):
            raise BadIdentity(
                f"The attribute “{name}” must be a text of at most {_MAX_VALUE_CHARS} characters, "
                "a number, true, false or null."
            )
    return dict(attributes)


def _verified(token: str, secret: str) -> Claims:
    options: dict[str, Any] = {
        "require": ["sub", "exp"],
        "verify_aud": False,
        "verify_exp": False,  # below, by the clock that was handed over
        "verify_iat": False,
        "verify_nbf": False,
    }
    try:
        return jwt.decode(token, secret, algorithms=[ALGORITHM], options=options)  # type: ignore[arg-type]  # a TypedDict of the library's
    except jwt.InvalidSignatureError as error:
        raise BadIdentity("The signature of this identity token is wrong.") from error
    except jwt.MissingRequiredClaimError as error:
        raise BadIdentity(f"An identity token must have the claim “{error.claim}”.") from error
    except (jwt.InvalidTokenError, ValueError) as error:
        raise BadIdentity from error


def _check_times(claims: Claims, now: datetime) -> None:
    moment = now.timestamp()
    ends = _time(claims, "exp")
    assert ends is not None, "exp is required"
    if ends + _LEEWAY.total_seconds() <= moment:
        raise ExpiredIdentity
    if ends - moment > (MAX_LIFE + _LEEWAY).total_seconds():
        raise BadIdentity(
            f"“exp” lies {ends - moment:,.0f} s ahead; at most {MAX_LIFE.total_seconds():,.0f} s."
        )
    begins = _time(claims, "nbf")
    if begins is not None and begins - _LEEWAY.total_seconds() > moment:
        raise BadIdentity("This identity token is not valid yet.")


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise BadIdentity(f"The claim “{name}” must be seconds since 1970.")
    return float(value)


def _text(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    limit = _CLAIM_CHARS[name]
    if not isinstance(value, str) or len(value) > limit or _CONTROL.search(value):
        raise BadIdentity(f"The claim “{name}” must be a text of at most {limit} characters.")
    return value.strip() or None


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_VALUE_CHARS and not _CONTROL.search(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**53
    return value is None or isinstance(value, bool)
