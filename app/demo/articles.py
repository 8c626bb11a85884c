"""Fernhill Supply's help articles, one Markdown file each with `key: value` lines in front."""

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from app.knowledge.passages import SourceArticle
from app.knowledge.service import ArticleText

FOLDER = Path(__file__).parent / "articles"
_FENCE = "---\n"


def read_articles(folder: Path = FOLDER) -> list[ArticleText]:
    """All articles of the folder, by slug."""
    return [_read(path) for path in sorted(folder.glob("*.md"))]


def read_sources(folder: Path = FOLDER) -> list[SourceArticle]:
    """The same as an index takes them, as if each were published once."""
    return [
        SourceArticle(
            uuid5(NAMESPACE_URL, text.slug), 1, text.slug, text.title, text.collection, text.body_md
        )
        for text in read_articles(folder)
    ]


def _read(path: Path) -> ArticleText:
    _, head, body = path.read_text(encoding="utf-8").split(_FENCE, 2)
    fields = dict(line.split(": ", 1) for line in head.strip().splitlines())
    assert fields["slug"] == path.stem, f"{path.name} calls itself {fields['slug']}"
    return ArticleText(
        slug=fields["slug"],
        title=fields["title"],
        body_md=body.strip() + "\n",
        collection=fields["topic"],
    )
