"""Files that customers and agents send; the bytes lie in the data folder, named by their hash."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Attachment(Base):
    """An uploaded file. Until a message names it, it belongs to whoever uploaded it."""

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_owner", "owner", "created_at"),
        Index("ix_attachment_content", "workspace_id", "sha256"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    owner: Mapped[str] = mapped_column(String(64))
    """Who uploaded it: the hash of a visitor's token, or an agent's id."""
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversation.id"), index=True)
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))
    """Null: uploaded and not sent."""
    name: Mapped[str] = mapped_column(String(160))
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
