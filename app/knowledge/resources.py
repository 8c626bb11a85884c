"""Articles, imports, search hits and gaps as the REST API shows and takes them."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.api.values import Body, Flag, Locale, Moment, PatchBody, Reference, Resource
from app.knowledge.editing import MAX_BODY_CHARS, MAX_COLLECTION_CHARS, MAX_TITLE_CHARS, Edit
from app.knowledge.outside import ArticleView, Change, NewArticle
from app.models import ArticleImport, KbGap
from app.vocabulary import ArticleState, ImportState, Visibility

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE_CHARS)
]
BodyText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY_CHARS)]
Collection = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=MAX_COLLECTION_CHARS)
]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"]+$", max_length=2_000)]


class ArticleText(Resource):
    """What an article says."""

    title: str
    body_md: str
    collection: str
    visibility: Visibility = Field(description="The bot quotes public ones.")


class DraftResource(ArticleText):
    """What it will say once it is published."""

    revision: int
    updated_at: Moment


class ArticleResource(Resource):
    """An article: what is published, and the draft on it."""

    id: UUID
    external_ref: str | None
    slug: str
    locale: str
    state: ArticleState
    version: int = Field(description="0: never published.")
    source_url: str | None
    published: ArticleText | None
    draft: DraftResource | None
    published_at: Moment | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: ArticleView) -> Self:
        """The article as it is now."""
        one, draft = view.article, view.draft
        return cls(
            id=one.id,
            external_ref=one.external_ref,
            slug=one.slug,
            locale=one.locale,
            state=one.state,
            version=one.version,
            source_url=one.source_url,
            published=ArticleText(
                title=one.title,
                body_md=one.body_md,
                collection=one.collection,
                visibility=one.visibility,
            )
            if one.version
            else None,
            draft=DraftResource(
                title=draft.title,
                body_md=draft.body_md,
                collection=draft.collection,
                visibility=draft.visibility,
                revision=draft.revision,
                updated_at=draft.updated_at,
            )
            if draft
            else None,
            published_at=one.published_at,
            created_at=one.created_at,
            updated_at=one.updated_at,
        )


class NewArticleBody(Body):
    """An article; under an `external_ref` that is known, what it says from now on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "external_ref": "page-7",
                    "title": "Returning a parcel",
                    "body_md": "You may return a parcel within 30 days.",
                    "collection": "Delivery",
                    "publish": True,
                }
            ]
        }
    )

    title: Title
    body_md: BodyText
    collection: Collection = ""
    visibility: Visibility = Visibility.PUBLIC
    slug: Slug | None = Field(default=None, description="Absent: made from the title.")
    locale: Locale = "en"
    source_url: Url | None = None
    external_ref: Reference | None = None
    publish: Flag = Field(default=False, description="Whether the bot quotes it at once.")

    @property
    def new(self) -> NewArticle:
        """As the service wants it."""
        edit = Edit(self.title, self.body_md, self.collection, self.visibility)
        return NewArticle(edit, self.slug, self.locale, self.source_url, self.external_ref)


class ArticlePatch(PatchBody):
    """What the draft is to say; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Sending it back"}]})

    title: Title | None = None
    body_md: BodyText | None = None
    collection: Collection | None = None
    visibility: Visibility | None = None

    @property
    def change(self) -> Change:
        """As the service wants it."""
        return Change(self.title, self.body_md, self.collection, self.visibility)


class UrlList(Body):
    """Pages to fetch; each becomes a draft, or none does."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"urls": ["https://shop.example/help/returns"]}]}
    )

    urls: list[Url] = Field(min_length=1, max_length=100)


class ImportFailure(Resource):
    """What could not become an article, and why."""

    name: str
    reason: str


class ImportResource(Resource):
    """An import and how far it is."""

    id: UUID
    name: str
    state: ImportState
    num_total: int
    num_done: int
    failures: list[ImportFailure]
    created_at: Moment
    finished_at: Moment | None

    @classmethod
    def of(cls, row: ArticleImport) -> Self:
        """The import as it is now."""
        return cls(
            id=row.id,
            name=row.name,
            state=row.state,
            num_total=row.num_total,
            num_done=row.num_done,
            failures=row.failures,
            created_at=row.created_at,
            finished_at=row.finished_at,
        )


class SearchHit(Resource):
    """A paragraph of a published article."""

    article_id: UUID
    version: int
    slug: str
    title: str
    heading: str
    paragraph: int
    text: str
    url: str = Field(description="Where customers read it.")
    score: float = Field(description="Orders the hits; says nothing by itself.")


class SearchResult(Resource):
    """The best paragraphs for a question."""

    data: list[SearchHit]


class GapResource(Resource):
    """A question no article answered."""

    id: UUID
    question: str
    num_asked: int
    conversation_id: UUID | None
    article_id: UUID | None = Field(description="Of the draft that was made from it.")
    dismissed_at: Moment | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, gap: KbGap) -> Self:
        """The question as it is now."""
        return cls(
            id=gap.id,
            question=gap.question,
            num_asked=gap.count,
            conversation_id=gap.conversation_id,
            article_id=gap.article_id,
            dismissed_at=gap.dismissed_at,
            created_at=gap.created_at,
            updated_at=gap.updated_at,
        )
