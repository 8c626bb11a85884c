from pathlib import Path

import pytest

from inference import ModelLoadError
from inference.speculation.draft_vocabulary import (
    FILE_NAME,
    read_draft_vocabulary,
    write_draft_vocabulary,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_draft_vocabulary(tmp_path, 10) is None
    write_draft_vocabulary(tmp_path, [7, 0, 9])
    ids = read_draft_vocabulary(tmp_path, 10)
    assert ids is not None and ids.tolist() == [7, 0, 9]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "cannot be read"),
        ("{}", "cannot be read.*token_ids"),
        ('{"token_ids": []}', "not a list of token ids"),
        ('{"token_ids": [1, true]}', "not a list of token ids"),
        ('{"token_ids": [1, 10]}', "token 10 is none of the target's 10"),
        ('{"token_ids": [-1]}', "token -1 is none"),
        ('{"token_ids": [1, 2, 1]}', "3 ids, but only 2 different"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(ModelLoadError, match=why):
        read_draft_vocabulary(tmp_path, 10)
