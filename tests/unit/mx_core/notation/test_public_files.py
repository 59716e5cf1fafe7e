"""Every named file of $MX_PUBLIC_VECTORS is read whole: as many cases as it holds are run.

Without the variable these tests say so; the known answers that are typed in run anyway.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.mx_core.notation import test_public_kem_and_hkdf as kem
from tests.unit.mx_core.notation import test_public_vectors as plain
from tests.unit.mx_core.notation import test_xwing as xwing
from tests.unit.mx_core.tlog import test_merkle as merkle
from tests.unit.mx_core.tlog import test_tile as tile

FOLDER = os.environ.get("MX_PUBLIC_VECTORS")
named = pytest.mark.skipif(not FOLDER, reason="no public vectors: MX_PUBLIC_VECTORS is not set")

# file → how many cases it holds, and how many of them a test is given
WYCHEPROOF: dict[str, tuple[int, Callable[[], int]]] = {
    "ed25519": (151, lambda: len(plain.SIGNATURES) - len(plain.RFC_8032)),
    "x25519": (518, lambda: len(plain.AGREEMENTS) - 2),
    "xchacha20_poly1305": (315, lambda: len(plain.SEALED) - 1),
    "hkdf_sha256": (86, lambda: len(kem.KEYS) - 1),
    "mlkem_768": (193, lambda: len(kem.CAPSULES)),
}


@named
@pytest.mark.parametrize(
    ("name", "cases"),
    [pytest.param(name, cases, id=f"{name}-{cases}") for name, (cases, _) in WYCHEPROOF.items()],
)
def test_a_file_of_wycheproof_is_read_whole(name: str, cases: int) -> None:
    told: Any = json.loads((Path(str(FOLDER)) / "wycheproof" / f"{name}_test.json").read_text())

    assert told["numberOfTests"] == cases
    assert WYCHEPROOF[name][1]() == cases


@named
def test_all_196_merkle_cases_are_given_to_a_test() -> None:
    files = sorted((Path(str(FOLDER)) / "merkle" / "testdata").rglob("*.json"))
    given = merkle.public_cases("inclusion") + merkle.public_cases("consistency")

    assert len(files) == len(given) == 196


@named
def test_every_size_of_the_tessera_log_is_read() -> None:
    log = Path(str(FOLDER)) / "tessera" / "testdata" / "log"
    sizes = {int(path.suffix[1:]) for path in log.glob("checkpoint.*")} - {0}

    assert sizes == set(tile.SIZES)
    for size in sizes:
        assert (log / f"tile/0/000.p/{size}").is_file()
        assert (log / f"tile/entries/000.p/{size}").is_file()


@named
def test_both_hpke_vectors_of_x_wing_are_read_and_one_is_of_our_whole_combination() -> None:
    told: Any = json.loads((Path(str(FOLDER)) / "hpke-pq" / "test-vectors.json").read_text())
    x_wing = xwing.of_x_wing(told)

    assert (len(told), len(x_wing)) == (13, 2)
    assert [len(one["encryptions"]) for one in x_wing if xwing.is_ours(one)] == [10]
