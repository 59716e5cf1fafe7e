"""A container opens with its sheet and whole, or not at all.  spec/backup §2."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.recovery.sealed import CHUNK_OCTETS, read_head, seal, unseal
from mx_core.recovery.sheet import Sheet

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "backup" / "containers.json").read_text()
)
SHEET = Sheet(Secret(bytes.fromhex(VECTORS["seed"])))
SECRET = SHEET.backup_secret
FILE = base64.b64decode(VECTORS["file"])


def opened(file: bytes, sheet: Sheet = SHEET) -> bytes:
    read = io.BytesIO(file).read
    return b"".join(unseal(read_head(read), sheet.backup_secret, read))


def spliced(splices: list[dict[str, Any]]) -> bytes:
    file = FILE
    for one in splices:
        at = one["at"]
        file = file[:at] + bytes.fromhex(one["insert"]) + file[at + one["remove"] :]
    return file


def test_the_file_of_the_vectors_opens() -> None:
    head = read_head(io.BytesIO(FILE).read)

    assert head.created == VECTORS["created"]
    assert b2_plain(opened(FILE)).hex() == VECTORS["plain_b2"]


@pytest.mark.parametrize("name", VECTORS["refused"])
def test_what_is_wrong_with_a_file_is_noticed(name: str) -> None:
    with pytest.raises(Refused):
        opened(spliced(VECTORS["refused"][name]))


def test_another_sheet_opens_nothing() -> None:
    with pytest.raises(Refused, match="another recovery sheet"):
        opened(FILE, Sheet.new())


@pytest.mark.parametrize("octets", [0, 1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1])
def test_every_length_comes_back(octets: int) -> None:
    plain = bytes(n % 251 for n in range(octets))
    pieces = [plain[at : at + 1000] for at in range(0, octets, 1000)]

    assert opened(b"".join(seal(SECRET.public, Secret(b"k" * 32), 1, pieces))) == plain


SMALL = b"".join(seal(SECRET.public, Secret(b"k" * 32), 1, [b"letters"]))


@given(where=st.integers(0, len(SMALL) - 1), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_is_noticed_wherever_it_is(where: int, octet: bytes) -> None:
    wrong = SMALL[:where] + octet + SMALL[where + 1 :]
    if wrong == SMALL:
        return
    with pytest.raises(Refused):
        opened(wrong)


@given(end=st.integers(0, len(SMALL) - 1))
def test_a_file_that_was_cut_off_is_refused(end: int) -> None:
    with pytest.raises(Refused):
        opened(SMALL[:end])
