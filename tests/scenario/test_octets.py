"""What is submitted at alice comes out at bob octet for octet, through both home servers."""

import imaplib
import os
import re
import smtplib
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.arriving.status_block import block_octets, parse
from gateway.demo.world import World
from tests.support.clients import imap, smtp, wait_until
from tests.support.odd_messages import OddMessage, odd_messages

pytestmark = pytest.mark.fleet

# spec/octets §1: what submission prepends to a message that lacks it, in this order
_PREPENDED = re.compile(
    rb"(Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000\r\n)?"
    rb"(Message-ID: <[^>\r\n]+@a\.example>\r\n)?"
)
_ARRIVE_SECONDS = 240.0
_PIECE = 50


def test_hundreds_of_odd_messages_arrive_octet_for_octet(world: World) -> None:
    """Octet exactness: 300+ odd messages, submission → two servers → IMAP, below the status."""
    own = [message for message in odd_messages() if message.is_submittable]
    sent = own + list(_public_corpora())

    with imap(world.bob.known) as client:
        first = _next_uid(client)
    taken = _submit(world, sent)
    received = _received(world, first, count=len(taken))

    assert len(own) >= 300
    assert [message.name for message in own if message not in taken] == []
    bodies = [octets[block_octets(octets) :] for octets in received]
    assert all(parse(octets) is not None for octets in received)
    lost = [message.name for message in taken if not _take_out(bodies, message.octets)]
    assert lost == []
    assert bodies == []
    print(f"{len(own)} messages of our own, {len(taken) - len(own)} of public corpora")


def _take_out(bodies: list[bytes], octets: bytes) -> bool:
    """Remove from *bodies* one that is *octets*, or *octets* below what was prepended."""
    for at, body in enumerate(bodies):
        if not body.endswith(octets):
            continue
        head = body[: len(body) - len(octets)]
        if head == b"" or _PREPENDED.fullmatch(head):
            bodies.pop(at)
            return True
    return False


def _submit(world: World, messages: list[OddMessage]) -> list[OddMessage]:
    """Send all on one connection; return those that were taken."""
    taken = []
    me, you = world.alice.address, world.bob.address
    with smtp(world.alice.known) as client:
        for message in messages:
            client.mail(me, ["BODY=8BITMIME"])
            client.rcpt(you)
            if _data(client, message.octets) == 250:
                taken.append(message)
            else:
                client.rset()
    return taken


def _data(client: smtplib.SMTP, octets: bytes) -> int:
    """Send *octets* as they are; smtplib's own way rewrites line ends."""
    assert client.docmd("DATA")[0] == 354
    stuffed = re.sub(rb"(?m)^\.", b"..", octets)
    client.send(stuffed + b".\r\n")
    return client.getreply()[0]


def _next_uid(client: imaplib.IMAP4) -> int:
    answer = client.status("INBOX", "(UIDNEXT)")[1][0]
    return int(answer.partition(b"UIDNEXT ")[2].rstrip(b")"))


def _received(world: World, first: int, count: int) -> list[bytes]:
    """Return what has come to bob's INBOX from UID *first* on, once *count* messages have."""
    octets: list[bytes] = []
    with imap(world.bob.known) as client:
        wait_until(lambda: _next_uid(client) >= first + count, _ARRIVE_SECONDS)
        client.select("INBOX", readonly=True)
        for at in range(first, first + count, _PIECE):
            fetched = client.uid("FETCH", f"{at}:{at + _PIECE - 1}", "(BODY.PEEK[])")[1]
            octets += [item[1] for item in fetched if isinstance(item, tuple)]
    return octets


def _public_corpora() -> Iterator[OddMessage]:
    """Yield what others keep of odd mail, where this machine has it: CRLF lines, no Bcc."""
    folders = [Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"]
    if named := os.environ.get("MX_PUBLIC_VECTORS"):
        folders.append(Path(named))
    for folder in folders:
        for path in sorted(p for kind in ("*.eml", "msg_*.txt") for p in folder.rglob(kind)):
            octets = re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())
            message = OddMessage(path.name, octets)
            header = octets.partition(b"\r\n\r\n")[0].lower()
            if message.is_submittable and b"\0" not in octets and b"bcc:" not in header:
                yield message
