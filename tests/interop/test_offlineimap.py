"""Real offlineimap: down, up, changed on both sides, and then nothing left to do."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.interop.witness import Witness, text_message
from tests.support.clients import imap

pytestmark = pytest.mark.interop

_COUNT = 40
_BOXES = ("Off", "Off/Below")
_RC = """\
[general]
accounts = gateway
metadata = {directory}/state

[Account gateway]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {directory}/mail
sync_deletes = yes

[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {username}
remotepass = {password}
ssl = yes
sslcacertfile = {ca}
auth_mechanisms = PLAIN
folderfilter = lambda name: name.startswith('Off')
"""


class Cycle:
    """One account, one Maildir, and what is in either."""

    def __init__(self, me: Witness, directory: Path) -> None:
        self._me = me
        self._mail = directory / "mail"
        self._rc = directory / "offlineimaprc"
        self._rc.touch(mode=0o600)
        settings = me.settings
        self._rc.write_text(
            _RC.format(
                directory=directory,
                host=settings.host,
                port=settings.imap_tls,
                username=settings.username,
                password=settings.password,
                ca=settings.ca,
            ),
            encoding="utf-8",
        )

    def run(self) -> None:
        done = subprocess.run(
            ["offlineimap", "-c", str(self._rc), "-o", "-u", "basic"],
            env={"PATH": os.environ["PATH"], "HOME": str(self._rc.parent), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ERROR" not in done.stdout + done.stderr, done.stdout + done.stderr

    def message(self, subject: str) -> bytes:
        return text_message(self._me.address, self._me.address, subject, f"größe {subject}")

    def near(self, mailbox: str) -> dict[bytes, str]:
        """Return octets and flags (letters of Maildir) of the local messages."""
        return {
            path.read_bytes().replace(b"\n", b"\r\n"): _letters(path)
            for path in self._files(mailbox)
        }

    def far(self, mailbox: str) -> dict[bytes, str]:
        """Return the same of the server's."""
        with imap(self._me.settings) as client:
            client.select(f'"{mailbox}"', readonly=True)
            answer = client.fetch("1:*", "(FLAGS BODY.PEEK[])")[1]
        letters = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R", "\\Draft": "D"}
        return {
            bytes(item[1]): "".join(
                sorted(letters[flag] for flag in letters if flag.encode() in item[0])
            )
            for item in answer
            if isinstance(item, tuple)
        }

    def file_of(self, mailbox: str, octets: bytes) -> Path:
        [path] = [
            path
            for path in self._files(mailbox)
            if path.read_bytes() == octets.replace(b"\r\n", b"\n")
        ]
        return path

    def put(self, mailbox: str, octets: bytes) -> None:
        path = self._mail / mailbox.replace("/", ".") / "new" / f"{len(octets)}.interop"
        path.write_bytes(octets.replace(b"\r\n", b"\n"))

    def state(self) -> list[bytes]:
        """Return UIDNEXT and HIGHESTMODSEQ of both mailboxes."""
        with imap(self._me.settings) as client:
            return [
                client.status(f'"{box}"', "(UIDNEXT HIGHESTMODSEQ)")[1][0] or b"" for box in _BOXES
            ]

    def _files(self, mailbox: str) -> list[Path]:
        return [
            path
            for folder in ("cur", "new")
            for path in (self._mail / mailbox.replace("/", ".") / folder).iterdir()
        ]


def _letters(path: Path) -> str:
    found = re.search(r":2,([A-Z]*)", path.name)
    return "".join(sorted(found[1])) if found else ""


def test_both_sides_are_the_same_after_each_cycle(alice: Witness, tmp_path: Path) -> None:
    cycle = Cycle(alice, tmp_path)
    sent = [cycle.message(f"off {number}") for number in range(_COUNT)]
    with imap(alice.settings) as client:
        for box in _BOXES:
            assert client.create(f'"{box}"')[0] == "OK"
            for number, octets in enumerate(sent):
                client.append(f'"{box}"', "(\\Seen)" if number % 2 else "", "", octets)

    cycle.run()
    for box in _BOXES:
        assert cycle.near(box) == cycle.far(box)
        assert set(cycle.near(box)) == set(sent)

    # what changes here
    cycle.file_of("Off", sent[0]).unlink()
    seen = cycle.file_of("Off", sent[1])
    seen.rename(seen.with_name(seen.name.replace(":2,S", ":2,FS")))
    written = cycle.message("written here")
    cycle.put("Off/Below", written)
    # and what changes there
    came = cycle.message("came there")
    with imap(alice.settings) as client:
        client.append("Off", "", "", came)
        client.select("Off")
        client.store("3", "+FLAGS", "(\\Answered)")
        client.store("4", "+FLAGS", "(\\Deleted)")
        client.expunge()

    cycle.run()
    for box in _BOXES:
        assert cycle.near(box) == cycle.far(box)
    assert set(cycle.far("Off")) == {came, *sent} - {sent[0], sent[3]}
    assert cycle.far("Off")[sent[1]] == "FS"
    assert cycle.near("Off")[sent[2]] == "R"
    assert set(cycle.far("Off/Below")) == {written, *sent}

    before = cycle.state()
    cycle.run()
    assert cycle.state() == before
