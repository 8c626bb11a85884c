"""A Markdown article as numbered paragraphs; pure.

Search, citations and the article page count alike: every block under the top level except a
heading is a paragraph, numbered from 1, and `#p3` on the page is paragraph 3 of a citation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.knowledge.sentences import split_sentences

_TAGS = {"p", "ul", "ol", "li", "strong", "em", "code", "pre", "a", "blockquote", "br", "hr"}
_SCHEMES = {"https", "http", "mailto"}


@dataclass(frozen=True)
class Block:
    """A heading (`ordinal` is None) or a numbered paragraph."""

    ordinal: int | None
    heading: str
    """The nearest heading above, or the heading itself; empty at the beginning."""
    text: str
    """Without markup; items of a list stand on lines of their own."""
    html: str
    """Safe to show as it is."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What of it can be quoted."""
        return split_sentences(self.text)


def read_blocks(body_md: str) -> tuple[Block, ...]:
    """The blocks of an article in order; raw HTML in it is shown as text."""
    parser = MarkdownIt("commonmark", {"html": False})
    blocks: list[Block] = []
    heading, ordinal = "", 0
    for tokens in _top_level(parser.parse(body_md)):
        text = _plain_text(tokens)
        if tokens[0].type == "heading_open":
            heading = text
            blocks.append(Block(None, heading, text, escape(text)))
        elif text:
            ordinal += 1
            rendered = parser.renderer.render(tokens, parser.options, {})
            html = nh3.clean(rendered, tags=_TAGS, url_schemes=_SCHEMES)
            blocks.append(Block(ordinal, heading, text, html.strip()))
    return tuple(blocks)


def _top_level(tokens: Sequence[Token]) -> Iterable[list[Token]]:
    group: list[Token] = []
    depth = 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if depth == 0:
            yield group
            group = []


def _plain_text(tokens: Sequence[Token]) -> str:
    lines = [_inline_text(token) for token in tokens if token.type == "inline"]
    lines += [token.content for token in tokens if token.type in ("fence", "code_block")]
    return "\n".join(line.strip() for line in lines if line.strip())


def _inline_text(inline: Token) -> str:
    is_break = ("softbreak", "hardbreak")
    parts = [" " if t.type in is_break else t.content for t in inline.children or []]
    return " ".join("".join(parts).split())
