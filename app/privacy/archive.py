"""The export of a contact who has sent files: one zip with what was said and what was sent."""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from app.files.store import FileStore
from app.models import Attachment, JsonObject


async def archive(
    store: FileStore, contact_id: UUID, told: JsonObject, sent: Sequence[Attachment]
) -> FileResponse:
    """`contact.json` and `files/ID-NAME`; a file whose content is gone is left out."""
    path = await asyncio.to_thread(_write, store, told, sent)
    return FileResponse(
        path,
        media_type="application/zip",
        filename=f"contact-{contact_id}.zip",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def _write(store: FileStore, told: JsonObject, sent: Sequence[Attachment]) -> Path:
    with (
        tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as made,
        zipfile.ZipFile(made, "w") as packed,
    ):
        packed.writestr("contact.json", json.dumps(told, ensure_ascii=False, indent=2))
        for file in sent:
            content = store.path(file.workspace_id, file.sha256)
            if content.is_file():
                packed.write(content, f"files/{file.id}-{file.name}")
    return Path(made.name)
