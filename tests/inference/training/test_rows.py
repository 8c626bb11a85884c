"""Packing keeps every token, and the files give back what was put in."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.training.errors import DataMissing
from inference.training.layout import PAD_ID, Example
from inference.training.rows import open_rows_at, pack, write_rows

lengths = st.lists(st.integers(1, 40), max_size=60)


def examples_of(sizes: list[int]) -> list[Example]:
    """Example n repeats the id 100 + n; its last token is learned."""
    return [
        Example([100 + number] * size, [False] * (size - 1) + [True])
        for number, size in enumerate(sizes)
    ]


@given(sizes=lengths, row_len=st.integers(1, 24))
def test_no_token_and_no_mark_is_lost(sizes: list[int], row_len: int) -> None:
    rows = list(pack(examples_of(sizes), row_len))

    assert all(len(row.ids) == len(row.learned) == row_len for row in rows)
    packed = Counter(token for row in rows for token in row.ids if token != PAD_ID)
    assert packed == Counter({100 + number: size for number, size in enumerate(sizes)})
    assert sum(sum(row.learned) for row in rows) == len(sizes)


@given(sizes=st.lists(st.integers(1, 16), max_size=60))
def test_an_example_that_fits_is_not_cut(sizes: list[int]) -> None:
    rows = list(pack(examples_of(sizes), row_len=16))

    for number, size in enumerate(sizes):
        assert [row.ids.count(100 + number) for row in rows if 100 + number in row.ids] == [size]


def test_written_rows_read_back_with_their_sources(tmp_path: Path) -> None:
    groups = [("shop", examples_of([5, 20, 3])), ("bank", examples_of([7]))]

    write_rows(tmp_path / "base-train", groups, row_len=8)
    rows = open_rows_at(tmp_path / "base-train")

    first, last = rows.sources["bank"]
    assert (last - first, rows.row_len) == (1, 8)
    assert rows.ids[first].tolist() == [100] * 7 + [PAD_ID]
    assert rows.learned[first].tolist() == [0] * 6 + [1, 0]


def test_rows_that_were_never_prepared_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="prepare"):
        open_rows_at(tmp_path / "base-train")
