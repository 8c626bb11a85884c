"""Documents on their way to the engine, in frames of a bounded size."""

from collections.abc import Iterator, Sequence

from inference.document import Document
from inference.errors import InvalidRequest
from inference.process.frames import Learn

FRAME_SHARE = 1 / 8
"""Of the largest frame: what others wait for behind a frame of documents stays short."""
_BYTES_AROUND = 64


def lessons(
    documents: Sequence[Document],
    salt: bytes,
    forgotten: Sequence[str],
    numbers: Iterator[int],
    max_frame_bytes: int,
) -> Iterator[Learn]:
    """The frames that teach these documents; the first one carries what is forgotten.

    Raises:
        InvalidRequest: a document does not fit into any frame.
    """
    sizes = [_size_bytes(document) for document in documents]
    for document, size in zip(documents, sizes, strict=True):
        if size + len(salt) + _BYTES_AROUND > max_frame_bytes:
            raise InvalidRequest(
                f"document {document.key!r}: {size} bytes, a frame has {max_frame_bytes}"
            )
    keys, taken, size_bytes = tuple(forgotten), list[Document](), 0
    for document, size in zip(documents, sizes, strict=True):
        if taken and size_bytes + size > max_frame_bytes * FRAME_SHARE:
            yield Learn(next(numbers), salt, tuple(taken), keys)
            keys, taken, size_bytes = (), [], 0
        taken.append(document)
        size_bytes += size
    if taken or keys:
        yield Learn(next(numbers), salt, tuple(taken), keys)


def _size_bytes(document: Document) -> int:
    """At most what the document takes in a frame."""
    content = document.content
    size = len(content.encode()) if isinstance(content, str) else 5 * len(content)
    return size + len(document.key.encode()) + _BYTES_AROUND
