"""Imports into a real store: nothing lost, nothing twice, and proved."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.model.errors import Refused
from mx_core.model.flags import FLAGGED, SEEN, Flag
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.imports import ImportState
from tests.support import old_mail
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def importing() -> AsyncIterator[tuple[Importing, AccountStore]]:
    with memory_store() as store:
        async with running(store) as made:
            yield made, store


@asynccontextmanager
async def running(store: AccountStore) -> AsyncIterator[Importing]:
    made = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(made.run())
        yield made
        task.cancel()


async def until(made: Importing, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not done(state := await made.state()):
            await asyncio.sleep(0.01)
    return state


async def bring(made: Importing, path: Path, **asked: Any) -> dict[str, Any]:
    await made.begin(Asked(str(path), **asked), dry_run=False)
    return await until(made, lambda state: state["phase"] == "idle")


def dates_of(folder: Path) -> dict[str, int]:
    return {path.name: int(path.stat().st_mtime) for path in folder.rglob("cur/*")}


async def test_a_maildir_comes_with_flags_dates_and_folders(tmp_path: Path) -> None:
    old_mail.maildir(tmp_path, {"1.a:2,FS": letter(1), "2.a:2,": letter(2)})
    old_mail.maildir(tmp_path / ".Sent", {"3.a:2,S": letter(3)})
    old_mail.maildir(tmp_path / ".Work.2019", {"4": letter(4)})
    dates = dates_of(tmp_path)
    async with importing() as (made, store):
        state = await bring(made, tmp_path)

        found = await stored(store)
        assert found == {
            "INBOX": [
                (letter(1), {FLAGGED, SEEN}, dates["1.a:2,FS"]), (letter(2), set(), dates["2.a:2,"]),
            ],
            "Sent": [(letter(3), {SEEN}, dates["3.a:2,S"])],
            "Work/2019": [(letter(4), set(), dates["4"])],
        }  # fmt: skip
        report = state["imports"][0]["report"]
        assert report["holds"] is True
        assert [each["source"] == each["stored"] for each in report["folders"]] == [True] * 3


async def test_doubles_are_told_and_brought(tmp_path: Path) -> None:
    path = old_mail.mbox(tmp_path / "a", [letter(1), letter(1), letter(2), letter(1)])

    async with importing() as (made, store):
        await made.begin(Asked(str(path)), dry_run=True)
        seen = await until(made, lambda state: state["phase"] == "idle")
        assert await stored(store) == {}
        state = await bring(made, path)

        assert (seen["look"]["messages"], seen["look"]["doubles"]) == (4, 2)
        assert len((await stored(store))["a"]) == 4
        assert state["imports"][0]["report"]["doubles"] == 2


async def test_begun_again_it_brings_what_is_new_and_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "Archive"
    async with importing() as (made, store):
        await bring(made, old_mail.mbox(path, [letter(1), letter(2), letter(2)]))
        # compacted, with one more: everything stands elsewhere in the file
        await bring(made, old_mail.mbox(path, [letter(2), letter(2), letter(3)]))

        assert [octets for octets, _, _ in (await stored(store))["Archive"]] == [
            letter(1), letter(2), letter(2), letter(3),
        ]  # fmt: skip


async def test_a_folder_that_was_renamed_or_deleted_meanwhile_is_found_or_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "Old"
    async with importing() as (made, store):
        await bring(made, old_mail.mbox(path, [letter(1)]))
        await store.mail.write(lambda tx: tx.rename(MailboxName("Old"), MailboxName("New")))
        await bring(made, old_mail.mbox(path, [letter(1), letter(2)]))
        assert list(await stored(store)) == ["New"]

        await store.mail.write(lambda tx: tx.delete(MailboxName("New")))
        state = await bring(made, old_mail.mbox(path, [letter(1), letter(2), letter(3)]))

        # what a person deleted is not brought back
        assert {name: len(mail) for name, mail in (await stored(store)).items()} == {"Old": 1}
        [folder] = state["imports"][0]["report"]["folders"]
        assert (folder["holds"], folder["removed"]) == (True, 2)


async def test_paused_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = old_mail.mbox(tmp_path / "a", [letter(n) for n in range(300)])
    async with importing() as (made, store):
        await made.begin(Asked(str(path), rate=100), dry_run=False)
        await until(made, lambda s: bool(s["progress"] and s["progress"]["stored"]))
        with pytest.raises(Refused, match="under way"):
            await made.begin(Asked(str(path)), dry_run=False)
        assert await made.pause() == 1
        paused = await until(made, lambda s: s["phase"] == "idle")
        here = len((await stored(store))["a"])

        assert paused["imports"][0]["state"] == "paused"
        assert 0 < here < 300
        assert await made.resume() == 1
        done = await until(made, lambda s: s["imports"][0]["state"] == "done")
        assert done["progress"]["known"] == here
        assert [o for o, _, _ in (await stored(store))["a"]] == [letter(n) for n in range(300)]


async def test_paused_it_leaves_no_file_that_no_row_names(tmp_path: Path) -> None:
    letters = [letter(n, body="a long line of a letter\r\n" * 3_000) for n in range(300)]
    path = old_mail.mbox(tmp_path / "a", letters)
    async with importing() as (made, store):
        await made.begin(Asked(str(path)), dry_run=False)
        await until(made, lambda s: bool(s["progress"] and s["progress"]["stored"]))
        await made.pause()
        await until(made, lambda s: s["phase"] == "idle")

        here = len((await stored(store))["a"])
        assert len(list((store.folder / "bodies").iterdir())) == here


async def test_what_ran_when_the_gateway_ended_goes_on_by_itself(tmp_path: Path) -> None:
    path = old_mail.mbox(tmp_path / "a", [letter(n) for n in range(250)])
    with memory_store() as store:
        async with running(store) as made:
            await made.begin(Asked(str(path), rate=100), dry_run=False)
            await until(made, lambda s: bool(s["progress"] and s["progress"]["stored"]))
        async with running(store) as made:
            await until(made, lambda s: s["imports"][0]["state"] == "done")

        assert len((await stored(store))["a"]) == 250


async def test_what_can_not_be_brought_is_told(tmp_path: Path) -> None:
    root = old_mail.maildir(tmp_path / "m", {"1": letter(1)})
    (root / "cur" / "2").symlink_to("/etc/passwd")

    async with importing() as (made, store):
        state = await bring(made, root)

        assert state["imports"][0]["troubles"] == [
            (f"{root}/cur/2", "can not be read: too many levels of symbolic links")
        ]
        assert len((await stored(store))["INBOX"]) == 1


async def test_more_keywords_than_an_account_has_room_for_lose_no_mail(tmp_path: Path) -> None:
    letters = [
        letter(n, more="X-Keywords: " + " ".join(f"k{n}x{m}" for m in range(40)) + "\r\n")
        for n in range(30)
    ]
    async with importing() as (made, store):
        state = await bring(made, old_mail.mbox(tmp_path / "a", letters))

        found = (await stored(store))["a"]
        assert [octets for octets, _, _ in found] == letters
        assert Flag("k0x0") in found[0][1]
        assert state["imports"][0]["report"]["progress"]["plainer"] > 0


async def test_a_disk_that_is_too_small_is_told_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: small)
    path = old_mail.mbox(tmp_path / "a", [letter(1)])

    async with importing() as (made, store):
        state = await bring(made, path)

        assert state["imports"][0]["state"] == ImportState.STOPPED.value
        assert "1 MiB left" in state["imports"][0]["trouble"]
        assert await stored(store) == {}


async def test_mail_that_differs_from_what_was_brought_is_found_by_the_proof(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    async with importing() as (made, store):
        await bring(made, old_mail.mbox(path, [letter(1), letter(2)]))
        await store._database.write(
            lambda tx: (
                tx.exec_driver_sql("UPDATE body SET octets = ? WHERE id = 1", (b"x",)).rowcount
            )
        )
        state = await bring(made, path)

        [folder] = state["imports"][0]["report"]["folders"]
        assert (folder["holds"], folder["altered"]) == (False, 1)


async def test_a_folder_with_a_rule_is_not_imported_into(tmp_path: Path) -> None:
    path = old_mail.mbox(tmp_path / "Not encrypted", [letter(1)])
    async with importing() as (made, store):
        await bring(made, path)

        assert list(await stored(store)) == ["Not encrypted (imported)"]
        weak = await store.mail.read(lambda reader: reader.mailbox(MailboxName("Not encrypted")))
        assert weak.messages == 0  # imported mail does not drown it


@pytest.mark.parametrize("name", ["Outbox", "Outbox.Send as ordinary email"])
async def test_what_waited_elsewhere_is_not_put_where_mail_is_sent_from(
    tmp_path: Path, name: str
) -> None:
    old_mail.maildir(tmp_path, {})
    old_mail.maildir(tmp_path / f".{name}", {"1": letter(1)})
    async with importing() as (made, store):
        state = await bring(made, tmp_path)

        assert list(await stored(store)) == [f"{name.replace('.', '/')} (imported)"]
        assert state["imports"][0]["trouble"] == ""


async def test_an_import_into_an_outbox_of_old_goes_on_beside_it(tmp_path: Path) -> None:
    old_mail.maildir(tmp_path, {"1": letter(1)})
    async with importing() as (made, store):
        await bring(made, tmp_path)
        await store._database.write(
            lambda tx: (
                tx.exec_driver_sql(
                    "UPDATE import_folder SET mailbox ="
                    " (SELECT global_id FROM mailbox WHERE name = 'Outbox')"
                ).rowcount
            )
        )
        old_mail.maildir(tmp_path, {"2": letter(2)})
        state = await bring(made, tmp_path)

        assert state["imports"][0]["trouble"] == ""
        assert [len(mail) for mail in (await stored(store)).values()] == [2]


async def test_everything_goes_below_a_folder_if_that_is_asked(tmp_path: Path) -> None:
    old_mail.maildir(tmp_path, {"1": letter(1)})
    async with importing() as (made, store):
        await bring(made, tmp_path, into="Old/2019")

        assert list(await stored(store)) == ["Old/2019/INBOX"]


@pytest.mark.parametrize("asked", [Asked("relative"), Asked("/x", share=0), Asked("/x", into="//")])
async def test_what_can_not_be_asked_is_refused(asked: Asked) -> None:
    async with importing() as (made, _):
        with pytest.raises(Refused):
            await made.begin(asked, dry_run=False)
