"""Paragraphs are numbered as citations number them, and shown without anything dangerous."""

from hypothesis import given
from hypothesis import strategies as st

from app.knowledge.paragraphs import read_blocks

ARTICLE = """\
First paragraph, with **bold** and a [link](https://fernhill.example/a).

## What you can do

- Change the size.
- Change the
  color.

Last one.
"""


def test_paragraphs_and_lists_count_and_headings_do_not() -> None:
    blocks = read_blocks(ARTICLE)

    assert [block.ordinal for block in blocks] == [1, None, 2, 3]
    assert blocks[0].text == "First paragraph, with bold and a link."
    assert blocks[2].sentences == ("Change the size.", "Change the color.")
    assert [block.heading for block in blocks] == ["", *["What you can do"] * 3]


def test_markup_is_kept_and_html_is_shown_as_text() -> None:
    blocks = read_blocks("**Bold** <script>alert(1)</script> [x](javascript:alert(1))\n\n# A <b>")

    assert "<strong>Bold</strong>" in blocks[0].html
    assert "<script>" not in blocks[0].html and "href" not in blocks[0].html
    assert blocks[1].html == "A &lt;b&gt;"


@given(st.text(max_size=200))
def test_any_text_is_numbered_without_gaps(body: str) -> None:
    blocks = read_blocks(body)

    ordinals = [block.ordinal for block in blocks if block.ordinal is not None]
    assert ordinals == list(range(1, len(ordinals) + 1))
    assert all("<script" not in block.html.lower() for block in blocks)
