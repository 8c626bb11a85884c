"""Documents in frames: all of them, in order, none too large."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.document import Document
from inference.errors import InvalidRequest
from inference.process.frames import encode
from inference.process.lessons import lessons

LIMIT = 1_000
CONTENTS = st.text(max_size=60) | st.lists(st.integers(0, 1 << 31 - 1), max_size=20).map(tuple)


@settings(max_examples=50)
@given(st.lists(CONTENTS, max_size=12), st.lists(st.text(max_size=5), max_size=3))
def test_every_document_is_in_one_frame(
    contents: list[str | tuple[int, ...]], forgotten: list[str]
) -> None:
    documents = [Document(str(key), content) for key, content in enumerate(contents)]

    frames = list(lessons(documents, b"salt", forgotten, itertools.count(7), LIMIT))

    assert [one for frame in frames for one in frame.documents] == documents
    assert [one for frame in frames for one in frame.forgotten] == forgotten
    assert [frame.number for frame in frames] == list(range(7, 7 + len(frames)))
    assert all(frame.salt == b"salt" for frame in frames)
    assert all(frame.documents for frame in frames[1:])
    for frame in frames:
        assert len(encode(frame)) <= LIMIT


def test_a_document_beyond_a_frame_is_refused_with_its_size() -> None:
    documents = [Document("short", "a"), Document("book", "word " * 1_000)]

    with pytest.raises(InvalidRequest, match=r"'book': 5\d\d\d bytes.* 1000"):
        list(lessons(documents, b"", (), itertools.count(), LIMIT))
