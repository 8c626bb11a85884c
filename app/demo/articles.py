"""Fernhill Supply's help articles, one Markdown file each with `key: value` lines in front."""

from pathlib import Path

from app.knowledge.service import ArticleText

FOLDER = Path(__file__).parent / "articles"
_FENCE = "---\n"


def read_articles(folder: Path = FOLDER) -> list[ArticleText]:
    """All articles of the folder, by slug."""
    return [_read(path) for path in sorted(folder.glob("*.md"))]


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
