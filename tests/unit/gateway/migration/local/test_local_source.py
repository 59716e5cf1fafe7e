"""Directories as sources: what is found in them, and what a hostile one can not do."""

import os
from pathlib import Path

import pytest

from gateway.migration.local.source import LocalSource
from gateway.migration.source import BATCH_MESSAGES, Found, SourceFolder, Trouble
from mx_core.model.errors import Refused
from mx_core.model.flags import ANSWERED, FLAGGED, SEEN, Flag
from tests.support import old_mail
from tests.support.old_mail import letter

pytestmark = pytest.mark.anyio


class Nothing:
    async def brought(self, _names: object) -> set[bytes]:
        return set()

    async def shared(self, _names: object) -> set[bytes]:
        return set()


async def content(path: Path) -> dict[str, list[Found | Trouble]]:
    source = LocalSource(path)
    found: dict[str, list[Found | Trouble]] = {}
    for folder in await source.folders():
        if isinstance(folder, Trouble):
            found.setdefault("", []).append(folder)
            continue
        inside = found.setdefault("/".join(folder.levels), [])
        async for batch in source.read(folder, Nothing()):
            inside += batch
    return found


async def names(path: Path) -> list[str]:
    return list(await content(path))


async def test_a_maildir_with_folders_of_both_kinds(tmp_path: Path) -> None:
    old_mail.maildir(tmp_path, {"1.a.host:2,FS": letter(1), "2.a.host:2,Ra": letter(2)})
    (tmp_path / "dovecot-keywords").write_text("0 $label1\n1 no{thing\n99 x\nzz y\n")
    old_mail.maildir(tmp_path / ".Work.Caf&AOk-", {"3": letter(3)})
    old_mail.maildir(tmp_path / "plain" / "below", {"4": letter(4)})
    (tmp_path / "new" / "5").write_bytes(letter(5))
    os.utime(tmp_path / "cur" / "1.a.host:2,FS", (5, 1_000_000_000))

    found = await content(tmp_path)
    first, second, new = found["INBOX"]
    assert list(found) == ["INBOX", "Work/Café", "plain/below"]
    assert first == Found(letter(1), frozenset({FLAGGED, SEEN}), 1_000_000_000)
    assert isinstance(second, Found)
    assert second.flags == {ANSWERED, Flag("$label1")}
    assert isinstance(new, Found)
    assert new.flags == frozenset()


async def test_a_tree_of_letters_and_mboxes(tmp_path: Path) -> None:
    (tmp_path / "2019" / "spring").mkdir(parents=True)
    (tmp_path / "2019" / "spring" / "a.eml").write_bytes(letter(1).replace(b"\r\n", b"\n"))
    (tmp_path / "2019" / "notes.txt").write_text("nothing")
    (tmp_path / "2019" / "empty").write_text("")
    old_mail.mbox(tmp_path / "2019" / "Sent.mbox", [letter(2)])

    found = await content(tmp_path)
    assert found == {
        "2019/Sent": [Found(letter(2), received=1795262400)],
        "2019/spring": [Found(letter(1))],
    }


async def test_a_file_alone_is_a_folder_of_its_name(tmp_path: Path) -> None:
    old_mail.mbox(tmp_path / "Archive 2019.mbox", [letter(1)])
    (tmp_path / "one.eml").write_bytes(letter(2))

    assert await names(tmp_path / "Archive 2019.mbox") == ["Archive 2019"]
    assert await names(tmp_path / "one.eml") == ["one"]


async def test_a_thunderbird_profile(tmp_path: Path) -> None:
    local = tmp_path / "Mail" / "Local Folders"
    (local / "Inbox.sbd" / "Work.sbd").mkdir(parents=True)
    (tmp_path / "ImapMail" / "mail.example").mkdir(parents=True)
    (tmp_path / "Mail" / "pop.example").mkdir()
    (tmp_path / "prefs.js").write_text("")
    for path in (
        local / "Inbox", local / "Sent", local / "Inbox.sbd" / "Work",
        local / "Inbox.sbd" / "Work.sbd" / "2019", tmp_path / "Mail" / "pop.example" / "Inbox",
        tmp_path / "ImapMail" / "mail.example" / "INBOX",
    ):  # fmt: skip
        old_mail.mbox(path, [letter(1)])
    (local / "Inbox.msf").write_text("// <!-- <mdb:mork")
    (local / "filters.dat").write_text("")
    old_mail.maildir(local / "AsDirectory", {"1.eml": letter(2)})

    source = LocalSource(tmp_path)
    folders = [each for each in await source.folders() if isinstance(each, SourceFolder)]
    assert {"/".join(each.levels): each.special_use for each in folders} == {
        "AsDirectory": "", "INBOX": "", "Inbox/Work": "", "Inbox/Work/2019": "",
        "Sent": "\\Sent", "pop.example/Inbox": "",
    }  # fmt: skip
    assert (await content(tmp_path))["AsDirectory"] == [
        Found(letter(2), received=int((local / "AsDirectory/cur/1.eml").stat().st_mtime))
    ]


async def test_links_pipes_and_closed_directories_are_told_and_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.eml"
    secret.write_bytes(b"not mail")
    root = old_mail.maildir(tmp_path / "mail", {"1": letter(1)})
    (root / "cur" / "2").symlink_to(secret)
    os.mkfifo(root / "cur" / "3")
    (root / "loop").symlink_to(root)

    found = await content(root)
    assert [type(each) for each in found["INBOX"]] == [Found, Trouble, Trouble]
    assert list(found) == ["INBOX"]


def odd_folder(root: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(root) + b"/\xff\x07x"))
    folder.mkdir()
    (folder / "a.eml").write_bytes(letter(1))


async def test_names_of_any_octets_can_be_shown_and_opened(tmp_path: Path) -> None:
    odd_folder(tmp_path)

    assert await content(tmp_path) == {"\ufffd\ufffdx": [Found(letter(1))]}


async def test_a_tree_without_end_ends(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 40)
    deep.mkdir(parents=True)
    (deep / "a.eml").write_bytes(letter(1))
    (tmp_path / "b.eml").write_bytes(letter(2))

    found = await content(tmp_path)
    assert [each.why for each in found[""] if isinstance(each, Trouble)] == ["is nested too deeply"]


async def test_batches_are_bounded(tmp_path: Path) -> None:
    source = LocalSource(old_mail.mbox(tmp_path / "a", [letter(n) for n in range(250)]))
    [folder] = await source.folders()
    assert isinstance(folder, SourceFolder)

    sizes = [len(batch) async for batch in source.read(folder, Nothing())]
    assert sizes == [BATCH_MESSAGES, BATCH_MESSAGES, 50]


async def test_a_place_without_mail_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no mail was found"):
        await LocalSource(tmp_path).folders()
    with pytest.raises(Refused, match="there is nothing at"):
        LocalSource(tmp_path / "no")
