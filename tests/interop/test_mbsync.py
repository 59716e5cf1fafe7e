"""Real mbsync: 1,000 messages come down and 100 go up, every octet the same."""

import itertools
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from mx_core.mail_programs.mail_settings import MailSettings
from tests.interop.witness import Witness
from tests.support.clients import imap
from tests.support.odd_messages import odd_messages

pytestmark = pytest.mark.interop

_COUNT = 1000
_NEW = 100
_MAILBOX = "Sync"
# What mbsync itself changes: line ends, which a Maildir has as its system has them, and one field
# of its own by which it finds a copy again.  Nothing else may differ.
_OWN_FIELD = re.compile(rb"(?m)^X-TUID: [^\r\n]{12}\r?\n")
_RC = """\
IMAPAccount gateway
Host {host}
Port {port}
User {username}
Pass {password}
SSLType IMAPS
CertificateFile {ca}

IMAPStore far
Account gateway

MaildirStore near
Path {directory}/mail/
Inbox {directory}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns {mailbox}
Create Near
Sync All
SyncState *
"""


def _filled(settings: MailSettings) -> list[bytes]:
    """Store 1,000 odd messages and return their octets in order of UID.

    Those without an empty line are left out: mbsync skips them ("incomplete header").
    """
    whole = [each.octets for each in odd_messages() if b"\r\n\r\n" in each.octets]
    octets = list(itertools.islice(itertools.cycle(whole), _COUNT))
    with imap(settings) as client:
        # imaplib sends a literal's last line end by itself: 40 ms of waiting for each
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert client.create(_MAILBOX)[0] == "OK"
        for message in octets:
            status, answer = client.append(_MAILBOX, "", "", message)
            assert status == "OK", answer
    return octets


def _synced(rc: Path) -> float:
    began = time.monotonic()
    done = subprocess.run(
        ["mbsync", "-c", str(rc), "all"],
        env={"PATH": os.environ["PATH"], "HOME": str(rc.parent), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return round(time.monotonic() - began, 2)


def test_a_full_sync_is_exact_to_the_octet_in_both_directions(
    alice: Witness, tmp_path: Path
) -> None:
    sent = _filled(alice.settings)
    (tmp_path / "mail").mkdir()
    rc = tmp_path / "mbsyncrc"
    rc.touch(mode=0o600)
    rc.write_text(
        _RC.format(
            host=alice.settings.host,
            port=alice.settings.imap_tls,
            username=alice.settings.username,
            password=alice.settings.password,
            ca=alice.settings.ca,
            directory=tmp_path,
            mailbox=_MAILBOX,
        ),
        encoding="utf-8",
    )

    first = _synced(rc)
    box = tmp_path / "mail" / _MAILBOX
    near = {
        int(found[1]): path.read_bytes()
        for path in box.glob("*/*")
        if (found := re.search(r",U=(\d+)", path.name))
    }
    pulled = [_in_a_maildir(near[uid]) for uid in sorted(near)]  # UIDs are in order of APPEND
    for number, octets in enumerate(sent[:_NEW]):
        (box / "new" / f"{number}.interop").write_bytes(octets.replace(b"\r\n", b"\n"))
    again = _synced(rc)
    with imap(alice.settings) as client:
        client.select(_MAILBOX, readonly=True)
        answer = client.fetch(f"{_COUNT + 1}:*", "(BODY.PEEK[])")[1]
    pushed = [_OWN_FIELD.sub(b"", item[1], count=1) for item in answer if isinstance(item, tuple)]

    print(f"mbsync: {_COUNT} messages down in {first} s, {_NEW} up in {again} s")
    assert pulled == [octets.replace(b"\r\n", b"\n") for octets in sent]
    assert sorted(pushed) == sorted(sent[:_NEW])


def _in_a_maildir(octets: bytes) -> bytes:
    return _OWN_FIELD.sub(b"", octets, count=1)
