"""What every depot keeps to: a folder of files, and a bucket of an object store over HTTP."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mx_core.homeserver.storage.bodies import BlobMissing
from mx_core.homeserver.storage.depot import Depot, blob_of, first_place, new_place
from mx_core.homeserver.storage.files import Files
from mx_core.model.errors import StoreDamaged

pytestmark = pytest.mark.anyio

OCTETS = os.urandom(300_000)
BLOB_ID = bytes(range(32))


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.fleet)])
async def depot(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Depot]:
    made: Depot
    if request.param == "files":
        made = Files(tmp_path / "blobs")
    else:
        store = request.getfixturevalue("object_store")
        made = store.bucket(store.make(f"depot-{os.urandom(4).hex()}"), "city/b.example/")
    await made.prepare()
    yield made
    await made.close()


async def test_a_body_is_given_back_in_any_piece(depot: Depot) -> None:
    place = new_place(BLOB_ID)
    assert not await depot.holds(place)

    await depot.put(place, OCTETS)

    assert await depot.holds(place)
    assert await depot.piece(place, 0, len(OCTETS)) == OCTETS
    assert await depot.piece(place, 1_000, 70_000) == OCTETS[1_000:71_000]
    assert await depot.piece(place, 299_990, 100) == OCTETS[-10:]
    assert await depot.piece(place, 300_000, 100) == b""


async def test_a_whole_file_is_taken(depot: Depot, tmp_path: Path) -> None:
    place = new_place(BLOB_ID)
    (tmp_path / "upload").write_bytes(OCTETS)

    await depot.take(place, tmp_path / "upload")

    assert await depot.piece(place, 0, 400_000) == OCTETS


async def test_nothing_lies_where_nothing_was_put_or_where_it_was_removed(depot: Depot) -> None:
    place = new_place(BLOB_ID)
    await depot.put(place, OCTETS)
    await depot.remove(place)
    await depot.remove(place)

    assert not await depot.holds(place)
    with pytest.raises(BlobMissing):
        await depot.piece(place, 0, 10)


async def test_all_that_lies_there_is_found_and_nothing_else(depot: Depot) -> None:
    places = {new_place(bytes([number]) * 32) for number in range(20)} | {first_place(BLOB_ID)}
    for place in places:
        await depot.put(place, b"x")
    await depot.put("ab/no-name-of-ours", b"x")

    found = [each async for some in depot.found() for each in some]

    assert {each.place for each in found} == places
    assert all(abs(each.changed - time.time()) < 3_600 for each in found)


async def test_a_copy_goes_out_and_comes_in_again(depot: Depot, tmp_path: Path) -> None:
    place = new_place(BLOB_ID)
    await depot.put(place, OCTETS)
    copy = tmp_path / "copy" / place

    await depot.copy_out(place, len(OCTETS), copy)
    assert copy.read_bytes() == OCTETS
    await depot.copy_in(place, len(OCTETS), copy)  # it is there
    await depot.remove(place)
    await depot.copy_in(place, len(OCTETS), copy)

    assert await depot.piece(place, 0, 400_000) == OCTETS
    assert copy.exists()


async def test_what_is_missing_or_cut_short_is_not_copied(depot: Depot, tmp_path: Path) -> None:
    place = new_place(BLOB_ID)
    with pytest.raises(StoreDamaged, match="missing"):
        await depot.copy_out(place, 300_000, tmp_path / "copy" / place)
    with pytest.raises(StoreDamaged, match="missing"):
        await depot.copy_in(place, 300_000, tmp_path / "nothing" / place)
    await depot.put(place, OCTETS[:-1])
    with pytest.raises(StoreDamaged, match="cut short"):
        await depot.copy_out(place, len(OCTETS), tmp_path / "copy" / place)


def test_a_name_tells_its_blob_and_is_never_given_twice() -> None:
    places = {new_place(BLOB_ID) for _ in range(1_000)}

    assert len(places) == 1_000
    assert {blob_of(place) for place in (*places, first_place(BLOB_ID))} == {BLOB_ID}
    for other in ("", "ab", "ab/" + "cd" * 30, "../" + "c" * 62, new_place(BLOB_ID) + "x"):
        assert blob_of(other) is None
