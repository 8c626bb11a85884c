"""Tokens and signatures: ours are known again, all else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.ids import new_id
from app.security import (
    Secrets,
    hash_password,
    hash_token,
    is_password,
    is_password_mark,
)

KEY = b"k" * 64
SITE = "pk_test"


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return Secrets(KEY, visitor_days=30, sign_in_days=7)


def test_a_visitors_token_is_good_for_its_site_only(secrets: Secrets) -> None:
    token = secrets.new_visitor_token(SITE)

    assert secrets.is_visitor_token(SITE, token)
    assert not secrets.is_visitor_token("pk_other", token)
    assert not Secrets(b"x" * 64, visitor_days=30, sign_in_days=7).is_visitor_token(SITE, token)
    assert not Secrets(KEY, visitor_days=-1, sign_in_days=7).is_visitor_token(SITE, token)


def test_tokens_hold_256_random_bits(secrets: Secrets) -> None:
    tokens = {secrets.new_visitor_token(SITE).split(".")[0] for _ in range(100)}

    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}
    assert hash_token("a") != hash_token("b")


@given(st.text(max_size=80))
def test_nobody_guesses_a_token_or_a_cookie(token: str) -> None:
    secrets = Secrets(KEY, visitor_days=30, sign_in_days=7)

    assert not secrets.is_visitor_token(SITE, token)
    assert secrets.read_agent_cookie(token) is None
    assert not secrets.is_csrf_token("cookie", token)
    with pytest.raises(Invalid):
        secrets.open_cursor(token)


def test_a_cookie_says_who_and_under_which_password(secrets: Secrets) -> None:
    agent_id = new_id()

    claims = secrets.read_agent_cookie(secrets.agent_cookie(agent_id, "hash"))

    assert claims is not None
    assert claims.agent_id == agent_id
    assert is_password_mark(claims.password_mark, "hash")
    assert not is_password_mark(claims.password_mark, "another hash")


def test_a_cookie_grows_old(secrets: Secrets) -> None:
    cookie = secrets.agent_cookie(new_id(), "hash")

    assert Secrets(KEY, visitor_days=30, sign_in_days=-1).read_agent_cookie(cookie) is None


def test_a_cursor_is_no_cookie(secrets: Secrets) -> None:
    sealed = secrets.seal_cursor(["a", "b"])

    assert secrets.open_cursor(sealed) == ["a", "b"]
    assert secrets.read_agent_cookie(sealed) is None
    assert not secrets.is_visitor_token(SITE, sealed)


def test_only_the_password_fits_its_hash() -> None:
    stored = hash_password("a long enough password")

    assert stored.startswith("$argon2id$")
    assert is_password("a long enough password", stored)
    assert not is_password("another password", stored)
    assert not is_password("a long enough password", None)
    assert not is_password("a long enough password", "no hash")
