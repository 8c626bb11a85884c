"""The secrets by which a company's own server says who is speaking."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class IdentitySecret(Base):
    """One of a site's secrets; several may be active while they are changed over.

    The secret itself is not stored: it follows from the installation's key and the id.
    """

    __tablename__ = "identity_secret"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    inbox_id: Mapped[UUID] = mapped_column(ForeignKey("inbox.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    kid: Mapped[str] = mapped_column(String(32), unique=True)
    """Stands in the head of a token, so that it is tried with this secret alone."""
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
