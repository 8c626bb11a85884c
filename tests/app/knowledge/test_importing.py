"""Files that become articles, and files that must not."""

import io
import stat
import zipfile

import pytest

from app.knowledge.html_text import html_to_markdown
from app.knowledge.importing import MAX_FILE_BYTES, Failure, read_files, read_markdown
from app.knowledge.paragraphs import read_blocks
from app.vocabulary import Visibility

GOOD = b"# Returns\n\nYou have 45 days.\n"


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def failures_of(name: str, data: bytes) -> list[Failure]:
    _, failures = read_files([(name, data)])
    return failures


def test_a_markdown_file_takes_its_title_from_its_heading() -> None:
    (one,), failures = read_files([("returns.md", GOOD)])

    assert failures == []
    assert (one.edit.title, one.edit.body_md) == ("Returns", "You have 45 days.\n")


def test_the_lines_in_front_say_the_rest() -> None:
    text = (
        "---\ntitle: Loyalty\ntopic: account\nslug: loyalty\nvisibility: internal\n---\nPoints.\n"
    )

    one = read_markdown("a.md", text)

    assert not isinstance(one, Failure)
    assert (one.edit.title, one.edit.collection, one.slug) == ("Loyalty", "account", "loyalty")
    assert one.edit.visibility is Visibility.INTERNAL


def test_a_zip_may_have_folders_and_what_systems_put_in_is_left_out() -> None:
    data = zipped(**{"guide/a.md": GOOD, "guide/b.html": b"<h1>B</h1><p>Text.</p>"})
    data = zipped(**{"guide/a.md": GOOD, "__MACOSX/._a.md": b"\x00", ".DS_Store": b"\x00"})

    incoming, failures = read_files([("help.zip", data)])

    assert failures == [] and [one.name for one in incoming] == ["help.zip/guide/a.md"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.exe", GOOD, "Only Markdown"),
        ("a.md", b"\xff\xfe\x00", "not UTF-8"),
        ("a.md", b"PNG\x00\x01 text", "not a text file"),
        ("a.md", b"# Only a title\n", "no paragraph"),
        ("a.md", b"x" * (MAX_FILE_BYTES + 1), "larger than"),
        ("a.md", b"---\nslug: Not A Slug\n---\nText.\n", "slug"),
        ("a.zip", b"no zip at all", "not a zip"),
        ("a.zip", zipped(**{"../../etc/a.md": GOOD}), "out of the folder"),
        ("a.zip", zipped(**{"/etc/a.md": GOOD}), "out of the folder"),
        ("a.zip", zipped(**{"c:/a.md": GOOD}), "out of the folder"),
        ("a.zip", zipped(**{"inner.zip": zipped(**{"a.md": GOOD})}), "Only .htm"),
        ("a.zip", zipped(**{"a.md": b"x" * (MAX_FILE_BYTES + 1)}), "larger than"),
        ("a.zip", zipped(**{f"{i}.md": GOOD for i in range(501)}), "500 at most"),
        ("a.zip", zipped(), "no Markdown"),
    ],
)
def test_what_cannot_become_an_article_is_named_with_its_reason(
    name: str, data: bytes, reason: str
) -> None:
    (failure,) = failures_of(name, data)

    assert reason in failure.reason


def test_a_link_in_a_zip_is_not_followed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    assert [one.reason for one in failures_of("a.zip", buffer.getvalue())] == ["It is a link."]


def test_a_small_zip_that_is_a_large_one_ends_early() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(25):
            archive.writestr(f"{number}.md", b"a" * MAX_FILE_BYTES)

    (failure,) = failures_of("bomb.zip", buffer.getvalue())

    assert "unpacks to more than" in failure.reason


def test_all_that_is_wrong_is_told_at_once() -> None:
    data = zipped(**{"a.md": GOOD, "b.md": b"\xff", "c.exe": b""})

    incoming, failures = read_files([("x.zip", data), ("d.pdf", b"")])

    assert [one.name for one in incoming] == ["x.zip/a.md"]
    assert [one.name for one in failures] == ["x.zip/c.exe", "x.zip/b.md", "d.pdf"]


def test_one_slug_twice_is_a_mistake() -> None:
    text = b"---\nslug: same\n---\nText.\n"

    _, (failure,) = read_files([("a.md", text), ("b.md", text)])

    assert failure == Failure("b.md", "It has the same slug as a.md.")


def test_of_a_web_page_the_main_part_is_kept() -> None:
    html = """<title>Shop</title><nav>Menu</nav><main><h1>Returns</h1><p>Within <b>45</b> days,
    see <a href="https://a.example/x">here</a> or <a href="javascript:alert(1)">there</a>.</p>
    <ul><li>unused</li><li>with tags</li></ul><ol><li>pack</li></ol>
    <script>alert(1)</script></main><footer>Imprint</footer>"""

    title, body = html_to_markdown(html)

    assert title == "Returns"
    assert body == (
        "Within **45** days, see [here](https://a.example/x) or there.\n\n"
        "- unused\n- with tags\n\n1. pack\n"
    )


def test_what_is_text_on_a_web_page_is_text_in_the_article() -> None:
    html = "<p>Use *stars*, [brackets](x) and &lt;b&gt;</p><p># no heading</p><p>1. no list</p>"

    _, body = html_to_markdown(html)

    texts = [block.text for block in read_blocks(body)]
    assert texts == ["Use *stars*, [brackets](x) and <b>", "# no heading", "1. no list"]
    assert "<b>" not in "".join(block.html for block in read_blocks(body))
