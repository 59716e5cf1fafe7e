"""A change in octets: what its page says, and every value that the driver takes."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.db import frames
from mx_core.db.redo.file import RedoFile
from mx_core.db.redo.record import Change, Statement, decoded, encoded, is_noted, packed
from mx_core.model.secret import Secret

VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary()
)
ROWS = st.lists(st.lists(VALUES, max_size=4), max_size=4)
STATEMENTS = st.one_of(
    st.builds(lambda sql, row: Statement(sql, False, row), st.text(), st.lists(VALUES)),
    st.builds(lambda sql, rows: Statement(sql, True, rows), st.text(), ROWS),
)


def test_a_change_and_its_frame_are_what_their_page_says(tmp_path: Path) -> None:
    """docs/spec/redo.md §2, the example there."""
    change = Change(
        7,
        12,
        [
            Statement("UPDATE clock SET modseq = ?", False, [13]),
            Statement("INSERT INTO t VALUES (?, ?)", True, [[1, b"\0"], [2, None]]),
        ],
    )
    record = encoded(change)
    key = RedoFile(tmp_path / "x.db", Secret(bytes(range(32))))._file._key

    assert record.hex() == (
        "93070c9293bb55504441544520636c6f636b20534554206d6f64736571203d203fc2910d93bb494e5345525420494e54"
        "4f20742056414c55455320283f2c203f29c3929201c401009202c0"
    )
    assert key.octets.hex() == "58198c1ad00cf6bb309a60f65fddc2a7cea61f5285b5f1341ecd49a887eab938"
    frame = frames.seal(key, frames.FIRST, bytes(24), record)
    assert hashlib.blake2b(frame, digest_size=16).hexdigest() == "c02a1d615bb9954b6c0c24ed97e84d26"


@given(st.lists(STATEMENTS), st.integers(0, 2**31 - 1), st.integers(0, 2**62))
def test_what_was_written_is_read(statements: list[Statement], number: int, base: int) -> None:
    change = Change(number, base, statements)

    assert decoded(packed(encoded(change))) == change


@pytest.mark.parametrize("count", [1, 32_000, 33_000, 500_000])
@pytest.mark.parametrize("octets", [bytes(1), bytes(range(256))])
def test_a_long_change_is_packed_and_read(octets: bytes, count: int) -> None:
    change = Change(1, 2, [Statement("INSERT INTO t VALUES (?)", False, [octets * count])])
    whole = encoded(change)
    record = packed(whole)

    assert decoded(record) == change
    assert (record == whole) is (len(whole) < 32_768)
    assert len(record) <= len(whole) + len(whole) // 200 + 32


def test_a_packed_change_is_what_its_page_says() -> None:
    """docs/spec/redo.md §2, the second example there."""
    record = bytes.fromhex(
        "92cd9c63c4cbff1593070c9193b8494e5345525420494e544f20742056414c55455320283f29c291c59c40000100"
        + "ff" * 156
        + "c3500000000000"
    )

    values = [bytes(40_000)]
    assert decoded(record) == Change(7, 12, [Statement("INSERT INTO t VALUES (?)", False, values)])


def test_octets_of_every_kind_are_octets() -> None:
    change = Change(1, 1, [Statement("", False, (b"a", bytearray(b"b"), memoryview(b"c")))])

    assert decoded(packed(encoded(change))).statements[0].values == [b"a", b"b", b"c"]


def test_a_value_that_has_no_octets_is_refused() -> None:
    with pytest.raises(TypeError):
        encoded(Change(1, 1, [Statement("", False, (object(),))]))


@pytest.mark.parametrize(
    ("sql", "noted"),
    [
        ("SELECT 1", False),
        ("INSERT INTO t SELECT 1", True),
        ("UPDATE t SET a = 1 RETURNING a", True),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", True),
        ("DELETE FROM t", True),
        ("REPLACE INTO t VALUES (1)", True),
    ],
)
def test_what_only_reads_is_not_noted(sql: str, *, noted: bool) -> None:
    assert is_noted(sql) is noted
