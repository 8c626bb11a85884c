"""The export of a contact who has sent files: one zip with what was said and what was sent.

It is written into a file without a name, so nothing of it is left however the sending ends.
"""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Sequence
from typing import IO
from uuid import UUID

from fastapi.responses import StreamingResponse

from app.files.store import FileStore
from app.models import Attachment, JsonObject

_PIECE_BYTES = 256 * 1_024


async def archive(
    store: FileStore, contact_id: UUID, told: JsonObject, sent: Sequence[Attachment]
) -> StreamingResponse:
    """`contact.json` and `files/ID-NAME`; a file whose content is gone is left out."""
    made = await asyncio.to_thread(_write, store, told, sent)
    size_bytes = made.seek(0, 2)
    made.seek(0)
    headers = {
        "Content-Disposition": f'attachment; filename="contact-{contact_id}.zip"',
        "Content-Length": str(size_bytes),
    }
    return StreamingResponse(_pieces(made), media_type="application/zip", headers=headers)


async def _pieces(made: IO[bytes]) -> AsyncGenerator[bytes]:
    with made:
        while piece := await asyncio.to_thread(made.read, _PIECE_BYTES):
            yield piece


def _write(store: FileStore, told: JsonObject, sent: Sequence[Attachment]) -> IO[bytes]:
    made = tempfile.TemporaryFile()  # noqa: SIM115  # whoever sends it closes it
    try:
        with zipfile.ZipFile(made, "w") as packed:
            packed.writestr("contact.json", json.dumps(told, ensure_ascii=False, indent=2))
            for file in sent:
                content = store.path(file.workspace_id, file.sha256)
                if content.is_file():
                    packed.write(content, f"files/{file.id}-{file.name}")
    except BaseException:
        made.close()
        raise
    return made
