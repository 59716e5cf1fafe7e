"""Body files that are written before the job that names them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mx_core.model.errors import Unavailable
from mx_core.store.account_store import BODIES
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.body import INLINE_OCTETS_MAX, BodyWriter
from tests.support.stores import memory_store

SHORT, LONG = b"short", bytes(range(256)) * (INLINE_OCTETS_MAX // 256) + b"long"


def test_what_has_no_row_is_written_and_read_back_once_a_row_names_it() -> None:
    with memory_store() as store:
        files = store.bodies_ahead.write([SHORT, LONG])
        assert [file is not None for file in files] == [False, True]

        def keep(connection: object) -> list[bytes]:
            bodies = BodyWriter(connection, store.folder / BODIES)  # type: ignore[arg-type]
            ids = bodies.add_all([SHORT, LONG], files)
            return [bodies.octets(body) for body in ids]

        assert store._database.write_at_start(keep) == [SHORT, LONG]
        assert len(list((store.folder / BODIES).iterdir())) == 1


def test_what_no_row_names_is_removed_and_the_rest_stays() -> None:
    async def story() -> None:
        with memory_store() as store:
            files = store.bodies_ahead.write([LONG, LONG])
            store._database.write_at_start(
                lambda connection: BodyWriter(connection, store.folder / BODIES).add_all(
                    [LONG], files[:1]
                )
            )

            await store.bodies_ahead.let_go([file for file in files if file is not None])

            assert files[0] is not None
            left = [path.name for path in (store.folder / BODIES).iterdir()]
            assert left == [files[0].file_id.hex()]

    asyncio.run(story())


def test_a_file_that_another_job_has_taken_away_is_not_named() -> None:
    with memory_store() as store:
        [file] = store.bodies_ahead.write([LONG])
        assert file is not None
        (store.folder / BODIES / file.file_id.hex()).unlink()

        with pytest.raises(Unavailable, match="anew"):
            store._database.write_at_start(
                lambda connection: BodyWriter(connection, store.folder / BODIES).add_all(
                    [LONG], [file]
                )
            )


def test_of_files_for_which_there_is_no_room_none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    written = body_file.write

    def half(folder: Path, files: object) -> None:
        written(folder, files[:1])  # type: ignore[index]
        raise Unavailable("no room for the rest")

    with memory_store() as store:
        monkeypatch.setattr(body_file, "write", half)

        with pytest.raises(Unavailable):
            store.bodies_ahead.write([LONG, LONG])

        assert list((store.folder / BODIES).iterdir()) == []
