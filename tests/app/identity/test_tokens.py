"""Tokens that prove something, and all the ways not to."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.identity.tokens import (
    BadIdentity,
    ExpiredIdentity,
    clean_attributes,
    key_id,
    read_identity,
)
from app.speakers import Identity
from tests.app.identity.signing import sign

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "cis_" + "s" * 43
HEAD = {"alg": "HS256", "typ": "JWT", "kid": "k_1"}
AT = int(NOW.timestamp())


def read(claims: dict[str, Any], *, head: dict[str, Any] | None = None, **how: Any) -> Identity:
    """As the application reads a token with these claims."""
    token = sign(head or HEAD, {"sub": "u1", "exp": AT + 600} | claims, SECRET, **how)
    assert key_id(token) == "k_1"
    return read_identity(token, SECRET, NOW)


def test_a_good_token_says_who_is_speaking() -> None:
    told = {"email": "Ana@Example.org", "name": "Ana", "attributes": {"plan": "pro", "seats": 3}}

    assert read(told | {"aud": "whoever", "iat": AT}) == Identity(
        "u1", "ana@example.org", "Ana", {"plan": "pro", "seats": 3}
    )


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "none", "kid": "k_1"},
        {"alg": "None", "kid": "k_1"},
        {"alg": "HS512", "kid": "k_1"},
        {"alg": "RS256", "kid": "k_1"},
        {"alg": "HS256"},
        {"alg": "HS256", "kid": ""},
        {"alg": "HS256", "kid": 7},
        {"alg": "HS256", "kid": ["k_1"]},
        {"alg": "HS256", "kid": "k_1", "crit": ["b64"], "b64": False},
        {"kid": "k_1"},
    ],
    ids=str,
)
def test_a_head_that_is_not_ours_is_refused(head: dict[str, Any]) -> None:
    with pytest.raises(BadIdentity):
        read({}, head=head)


def test_a_token_without_signature_is_refused() -> None:
    body = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=")
        for one in (HEAD, {"sub": "u1", "exp": AT + 600})
    ]

    for token in (".".join([*body, ""]), ".".join(body), "", "a.b.c", "…", "." * 5):
        with pytest.raises(BadIdentity):
            read_identity(token, SECRET, NOW)


def test_another_digest_or_secret_is_refused() -> None:
    with pytest.raises(BadIdentity, match="signature"):
        read({}, digest="sha512")
    with pytest.raises(BadIdentity, match="signature"):
        read_identity(sign(HEAD, {"sub": "u1", "exp": AT + 60}, SECRET + "x"), SECRET, NOW)


def test_expired_and_long_lived_tokens_are_refused_with_the_numbers() -> None:
    assert read({"exp": AT + 3600}).external_id == "u1"
    assert read({"exp": AT - 30}).external_id == "u1", "clocks differ by a little"
    with pytest.raises(ExpiredIdentity):
        read({"exp": AT - 61})
    with pytest.raises(BadIdentity, match="7,200 s ahead; at most 3,600 s"):
        read({"exp": AT + 7200})
    with pytest.raises(BadIdentity, match="not valid yet"):
        read({"nbf": AT + 120})


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**30},
        {"exp": [1]},
        {"sub": None},
        {"sub": ""},
        {"sub": "  "},
        {"sub": 5},
        {"sub": "x" * 201},
        {"sub": "a\x00b"},
        {"email": "nobody"},
        {"email": "a@b.example\nBcc: c@d.example"},
        {"email": {"a": 1}},
        {"name": "x" * 201},
        {"name": ["Ana"]},
        {"nbf": "x"},
        {"attributes": []},
        {"attributes": None},
        {"attributes": {"nested": {"a": 1}}},
        {"attributes": {"": 1}},
        {"attributes": {"a b": 1}},
        {"attributes": {"x" * 41: 1}},
        {"attributes": {"a": "x" * 501}},
        {"attributes": {"a": 2**53}},
        {"attributes": {f"a{i}": i for i in range(21)}},
    ],
    ids=lambda claims: str(claims)[:40],
)
def test_claims_that_do_not_fit_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(BadIdentity) as refused:
        read(claims)

    assert refused.value.sentence


def test_plain_attributes_stay_as_they_are() -> None:
    told = {"plan": "pro", "seats": 3, "share": 0.5, "vip": True, "gone": None}

    assert clean_attributes(told) == told
