"""Contacts as the REST API shows and takes them."""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.api.values import Body, Email, Line, Locale, Moment, PatchBody, Reference, Resource
from app.contacts.service import Details
from app.models import Contact

AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
AttributeText = Annotated[str, StringConstraints(max_length=500)]
AttributeNumber = Annotated[int, Field(ge=-(2**53), le=2**53)]
Attribute = bool | AttributeNumber | float | AttributeText | None


class ContactResource(Resource):
    """A customer."""

    id: UUID
    external_id: str | None = Field(description="What your systems call them.")
    email: str | None
    name: str
    locale: str | None
    attributes: dict[str, Attribute] = Field(description="What your systems said of them.")
    created_at: Moment
    blocked_at: Moment | None
    erased_at: Moment | None

    @classmethod
    def of(cls, contact: Contact) -> Self:
        """The contact as it is now."""
        return cls(
            id=contact.id,
            external_id=contact.external_id,
            email=contact.email,
            name=contact.name,
            locale=contact.locale,
            attributes=contact.attributes,
            created_at=contact.created_at,
            blocked_at=contact.blocked_at,
            erased_at=contact.erased_at,
        )


class ContactBody(PatchBody):
    """What is known of a customer; what is absent stays as it is, `null` takes it away."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "external_id": "c-42",
                    "email": "kim@example.org",
                    "name": "Kim",
                    "attributes": {"plan": "gold", "orders": 7},
                }
            ]
        }
    )

    clears: ClassVar[frozenset[str]] = frozenset({"external_id", "email", "locale"})

    external_id: Reference | None = None
    email: Email | None = None
    name: Line | None = None
    locale: Locale | None = None
    attributes: dict[AttributeName, Attribute] = Field(
        default_factory=dict, max_length=50, description="`null` takes one away."
    )

    @property
    def details(self) -> Details:
        """As the service wants it."""
        return Details(
            self.external_id, self.email, self.name, self.locale, self.attributes, self.cleared
        )


class ContactMerge(Body):
    """Who stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"into_id": "01a1ff93-b279-752f-ba06-8e2bd65f555e"}]}
    )

    into_id: UUID
