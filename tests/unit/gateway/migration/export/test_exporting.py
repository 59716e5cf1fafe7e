"""What goes out comes in again to the octet; what is interrupted is gone on with."""

import asyncio
import json
import mailbox as stdlib_mailbox
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.arriving.status_block import Mail as MailKind
from gateway.arriving.status_block import Status, render
from gateway.migration.export import manifest
from gateway.migration.export.exporting import AskedOut, Exporting
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import Pid
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from mx_core.trust.pin import Pin, Tier
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio
ALICE = Address.parse("alice@a.example")
FORMATS = ["maildir", "mbox", "eml"]
OCTETS = st.lists(
    st.sampled_from(
        [b"\r\n", b"\n", b"\r", b"\r\r\n", b"From x\r\n", b">From ", b"Subject: y\r\n", b"\0", b"\xff", b"x"]
    ),
    max_size=12,
).map(b"".join)  # fmt: skip
FLAGS = st.frozensets(st.sampled_from([SEEN, ANSWERED, DELETED, FLAGGED, Flag("$x"), Flag("Ab")]))
BOXES = st.dictionaries(
    st.sampled_from(["INBOX", "Sent", "Work/cur", "../x", "a%2F", "\N{SNOWMAN}/b"]),
    st.lists(st.tuples(OCTETS, FLAGS, st.integers(0, 2**32 - 1)), max_size=4),
    max_size=3,
)
Boxes = dict[str, list[tuple[bytes, FlagSet, int]]]


async def fill(store: AccountStore, boxes: Boxes) -> None:
    have = {box.name for box in await store.mail.read(lambda reader: reader.mailboxes())}
    for name, mail in boxes.items():
        if name not in have:
            await store.mail.write(lambda tx, name=name: tx.create(MailboxName(name)))  # type: ignore[misc]  # bound now
        for octets, flags, date in mail:
            form = prepare(octets)
            await store.mail.write(
                lambda tx, n=name, o=octets, fo=form, fl=flags, d=date: tx.append(  # type: ignore[misc]  # bound now
                    tx.mailbox(MailboxName(n)).id, o, fo, fl, d
                )
            )


async def export(store: AccountStore, target: Path, **asked: Any) -> dict[str, Any]:
    made = Exporting(store, ALICE)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        await made.begin(AskedOut(str(target), **asked))
        async with asyncio.timeout(60):
            while made.state()["phase"] != "idle":
                await asyncio.sleep(0.005)
        running.cancel()
    return made.state()


async def bring(store: AccountStore, source: Path) -> dict[str, Any]:
    made = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        await made.begin(Asked(str(source)), dry_run=False)
        async with asyncio.timeout(60):
            while (state := await made.state())["phase"] != "idle":
                await asyncio.sleep(0.005)
        running.cancel()
    one: dict[str, Any] = state["imports"][0]
    return one


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def comes_back(boxes: Boxes, form: str, folder: Path) -> None:
    with memory_store() as first, memory_store() as second:
        await fill(first, boxes)
        out = await export(first, folder / "1", format=form)
        done = await bring(second, folder / "1")
        await export(second, folder / "2", format=form)

        assert out["trouble"] == ""
        assert done["report"]["holds"], done
        assert await stored(second) == await stored(first)
        assert files(folder / "1") == files(folder / "2")


@pytest.mark.parametrize("examples", [6, pytest.param(500, marks=pytest.mark.torture)])
def test_export_import_export_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(BOXES, st.sampled_from(FORMATS))
    def holds(boxes: Boxes, form: str) -> None:
        asyncio.run(comes_back(boxes, form, tmp_path_factory.mktemp("export")))

    holds()


async def test_others_read_it_too(tmp_path: Path) -> None:
    mail = [
        (letter(1), frozenset({SEEN, FLAGGED}), 1_000_000_000),
        (letter(2, body="From here\r\n"), frozenset[Flag](), 1_100_000_000),
    ]
    with memory_store() as store:
        await fill(store, {"INBOX": mail, "Work/2019": mail[:1]})
        for form in FORMATS:
            await export(store, tmp_path / form, format=form)

    maildir = stdlib_mailbox.Maildir(tmp_path / "maildir" / "INBOX")
    assert sorted((m["subject"], m.get_flags()) for m in maildir) == [
        ("letter 1", "FS"), ("letter 2", ""),
    ]  # fmt: skip
    mbox = stdlib_mailbox.mbox(tmp_path / "mbox" / "INBOX.mbox")
    assert [(m["subject"], m.get_flags()) for m in mbox] == [("letter 1", "ROF"), ("letter 2", "O")]
    assert [len(list((tmp_path / "eml" / name).iterdir())) for name in ("INBOX", "Work/2019")] == [
        2,
        1,
    ]
    mbox.close()


async def test_the_lines_of_the_gateway_can_be_left_out(tmp_path: Path) -> None:
    block = render(Status(MailKind.ORDINARY, 1_800_000_000), None)
    with memory_store() as store:
        await fill(store, {"INBOX": [(block + letter(1), frozenset(), 1)]})
        await export(store, tmp_path / "with", format="eml")
        await export(store, tmp_path / "without", format="eml", original=True)

    [whole] = (tmp_path / "with" / "INBOX").iterdir()
    [bare] = (tmp_path / "without" / "INBOX").iterdir()
    assert whole.read_bytes().startswith(b"MX-Status: 1;")
    assert bare.read_bytes() == letter(1).replace(b"\r\n", b"\n")


@pytest.mark.parametrize("form", FORMATS)
async def test_cut_off_anywhere_it_is_gone_on_with(tmp_path: Path, form: str) -> None:
    letters = [(letter(n % 7), frozenset({SEEN}), 1000 + n % 7) for n in range(10)]
    with memory_store() as store:
        await fill(store, {"INBOX": letters, "Sent": letters[:2]})
        await export(store, tmp_path / "whole", format=form)
        whole = files(tmp_path / "whole")
        lines = whole[manifest.NAME].splitlines(keepends=True)
        for left in (1, 4, 9, len(lines) - 1):
            cut = tmp_path / f"cut{left}"
            for name, octets in whole.items():
                path = cut / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(octets)
            # the end of the manifest is torn, and a file lost its end with the power
            (cut / manifest.NAME).write_bytes(b"".join(lines[:left]) + lines[left][:10])
            last = max(name for name in whole if "INBOX" in name)
            (cut / last).write_bytes(whole[last][:-30])
            done = await export(store, cut, format=form)

            assert done["trouble"] == ""
            assert done["messages"] == 12
            again = files(cut)
            assert {n: o for n, o in again.items() if n != manifest.NAME} == {
                n: o for n, o in whole.items() if n != manifest.NAME
            }


async def test_what_an_account_holds_beside_its_mail_goes_along(tmp_path: Path) -> None:
    pin = Pin(pid=Pid(b"p" * 32), seq=3, head=b"h" * 32, tier=Tier.VERIFIED)
    with memory_store() as store:
        await store.contacts.put(Contact(Address.parse("bob@b.example"), pin.encode(), b"chain"))
        await store.folders.add(MailboxName("Starred"), "FLAGGED")
        await store.policy.put("domain", "b.example", "encrypted")
        await export(store, tmp_path / "out")
        told = json.loads((tmp_path / "out" / "mx-settings.json").read_bytes())

        assert told["contacts"] == [
            {
                "address": "bob@b.example", "passport": "70" * 32, "tier": "verified",
                "state": "undecided", "chain": "Y2hhaW4=",
            }
        ]  # fmt: skip
        assert {"name": "Starred", "rule": "flagged"} in [
            {**each, "rule": each["rule"].lower()} for each in told["folders"]
        ]
        assert told["policy"] == await store.policy.all()
        assert "INBOX" in told["subscriptions"]


async def test_where_something_else_is_nothing_is_written(tmp_path: Path) -> None:
    with memory_store() as store:
        await fill(store, {"INBOX": [(letter(1), frozenset(), 1)]})
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "diary").write_text("dear")
        taken = await export(store, tmp_path / "mine")
        await export(store, tmp_path / "out")
        complete = await export(store, tmp_path / "out")
        (tmp_path / "file").write_text("")
        impossible = await export(store, tmp_path / "file")

        assert "is not empty" in taken["trouble"]
        assert "holds a complete export" in complete["trouble"]
        assert "can not be written" in impossible["trouble"]
        assert files(tmp_path / "mine") == {"diary": b"dear"}


async def test_an_altered_export_is_told_of(tmp_path: Path) -> None:
    with memory_store() as store, memory_store() as other:
        await fill(store, {"INBOX": [(letter(n), frozenset(), 1) for n in range(3)]})
        await export(store, tmp_path / "out", format="eml")
        [first, second, _] = sorted((tmp_path / "out" / "INBOX").iterdir())
        first.write_bytes(b"something else")
        second.unlink()
        done = await bring(other, tmp_path / "out")

        assert {why for _, why in done["troubles"]} == {
            "is not what was exported", "can not be read: no such file or directory",
        }  # fmt: skip
        assert len((await stored(other))["INBOX"]) == 1


async def test_a_manifest_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(letter(1))
    target = tmp_path / "out"
    target.mkdir()
    (target / "link").symlink_to(tmp_path)
    bad = [
        manifest.Message("INBOX", where, 0, 9, "00", False, False, (), 1)
        for where in ("../secret", "/etc/passwd", "link/secret")
    ]
    lines: list[manifest.Line] = [manifest.Head(1, "a@b.example", "eml", False), *bad]
    (target / manifest.NAME).write_bytes(
        b"".join(manifest.encode(line) for line in lines) + b"rubbish\n"
    )
    with memory_store() as store:
        done = await bring(store, target)

        assert await stored(store) == {}
        assert {why for _, why in done["troubles"]} == {
            "leads out of the export", "is of an export that was not finished",
        }  # fmt: skip


@pytest.mark.parametrize("asked", [AskedOut("relative"), AskedOut("/x", format="tar")])
async def test_what_can_not_be_asked_is_refused(asked: AskedOut) -> None:
    with memory_store() as store, pytest.raises(Refused):
        await Exporting(store, ALICE).begin(asked)
