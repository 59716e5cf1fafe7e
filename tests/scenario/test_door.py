"""A real Postfix brings ordinary mail to a real door: all of it arrives, judged, and none of it on a disk.

The short form sends a hundred messages and the odd ones that Postfix takes; ``make torture`` a thousand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.arriving.status_block import Mail, block_octets, parse
from gateway.demo.processes import run
from gateway.demo.world import World
from tests.support.canary import files_holding
from tests.support.clients import imap, messages, wait_until
from tests.support.dns import Dns, dns_servers, txt_line
from tests.support.door_process import DOOR, DoorProcess
from tests.support.odd_messages import odd_messages
from tests.support.postfix import may_run, postfix_to
from tests.support.signed_mail import rsa_key, sealed_by, signed
from tests.support.worlds import TestedWorld
from tests.support.written_files import traced, written_files

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.skipif(not may_run(), reason="Postfix's master is started by root"),
]

BOB = "bob@b.example"
_CASES = 100
MARK = b"canary-nGqW3vYz8T"
BOUNCE = (
    b"From: MAILER-DAEMON@c.test\r\nTo: bob@b.example\r\nSubject: %s\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; c.test\r\n\r\n"
    b"Final-Recipient: rfc822; gone@c.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
)


@dataclass(frozen=True)
class Case:
    """What is sent, and what the gateway must show of it."""

    sender: str
    octets: bytes
    shows: dict[str, str]
    notes: tuple[str, ...] = ("door",)
    junk: bool = False


def letter(domain: str, subject: bytes) -> bytes:
    return (
        b"From: carol@" + domain.encode() + b"\r\nTo: bob@b.example\r\nSubject: " + subject
        + b"\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <" + subject
        + b"@" + domain.encode() + b">\r\n\r\nhello " + MARK + b"\r\n"
    )  # fmt: skip


def case(number: int) -> Case:
    """Return the message of that number: each kind in its turn."""
    subject = MARK + b"-%d" % number
    c, e = (letter(domain, subject) for domain in ("c.test", "e.test"))
    passed = {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    match number % 9:
        case 0:
            return Case("carol@c.test", signed(c, "c.test"), passed)
        case 1:
            altered = signed(c, "c.test").replace(b"hello", b"hallo")
            return Case("carol@c.test", altered, {**passed, "dkim": "fail"})
        case 2:
            only_dkim = {"spf": "softfail", "dkim": "pass", "dmarc": "pass"}
            return Case("list@d.test", signed(c, "c.test"), only_dkim)
        case 3:
            failed = {"spf": "softfail", "dkim": "none", "dmarc": "fail"}
            return Case("carol@d.test", c, failed, junk=True)
        case 4:
            forged = {"spf": "fail", "dkim": "none", "dmarc": "none"}
            return Case("carol@e.test", e, forged)
        case 5:
            bounce = {"spf": "pass", "dkim": "none", "dmarc": "pass"}
            return Case("", BOUNCE % subject, bounce, ("door", "bounce"))
        case 6:
            forwarded = {"spf": "softfail", "dkim": "none", "dmarc": "fail"}
            sealed = sealed_by(c, "f.test", b"spf=pass smtp.mailfrom=c.test; dmarc=pass")
            return Case("srs@d.test", sealed, forwarded)
        case 7:
            own = letter("b.example", subject)
            claims = {"spf": "softfail", "dkim": "none", "dmarc": "none"}
            return Case(
                "carol@d.test",
                own.replace(b"carol@b", b"bob@b"),
                claims,
                ("door", "claims-contact"),
            )
        case _:
            unsigned = {"spf": "pass", "dkim": "none", "dmarc": "pass"}
            return Case("carol@c.test", c, unsigned)


def publish(dns: Dns) -> None:
    key = rsa_key()[1]
    dns.publish(
        "c.test",
        [
            txt_line("@", "v=spf1 ip4:127.0.0.1 -all"),
            txt_line("mail", "v=spf1 ip4:127.0.0.1 -all"),
            txt_line("s._domainkey", key),
            txt_line("_dmarc", "v=DMARC1; p=reject"),
        ],
    )
    dns.publish("d.test", [txt_line("@", "v=spf1 a mx ~all")])
    dns.publish("e.test", [txt_line("@", "v=spf1 ip4:192.0.2.0/24 -all")])
    dns.publish("f.test", [txt_line("s._domainkey", key)])


@dataclass
class Place:
    """bob's world with a door in it, and the DNS that it asks; *traces*: what the door wrote."""

    world: World
    door: DoorProcess
    traces: list[Path]
    brought: int = 0

    @property
    def inbox(self) -> list[bytes]:
        return messages(self.world.sides[0].known)

    def bring(self, count: int) -> list[Case]:
        """Let Postfix bring so many of the cases, unless as many were brought before."""
        cases = [case(number) for number in range(count)]
        if self.brought >= count:
            return cases
        cases_left, before = cases[self.brought :], self.arrived()
        with postfix_to(self.door.port) as postfix:
            mails = [(one.sender, BOB, one.octets) for one in cases_left]
            assert postfix.take(mails) == len(mails)
            wait_until(lambda: self.arrived() == before + len(mails), 60 + count)
            wait_until(lambda: postfix.fates(BOB) == {"sent": len(mails)})
        self.brought = count
        return cases

    def arrived(self) -> int:
        with imap(self.world.sides[0].known) as client:
            return int(client.select("INBOX", readonly=True)[1][0] or b"0")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    # the paths of pytest are too long for the socket of a door
    folder = Path("/tmp") / f"mxd-{os.getpid()}"
    folder.mkdir(mode=0o700)
    zones = ["c.test", "d.test", "e.test", "f.test", "test", "example"]
    try:
        with (
            dns_servers(plain=zones) as dns,
            TestedWorld(folder, cast=(("bob", "b.example"),), home_settings=DOOR) as world,
        ):
            publish(dns)
            [side] = world.sides
            run(
                [
                    "gateway",
                    "--home",
                    str(side.gateway_dir),
                    "account",
                    "door",
                    side.address,
                    "open",
                ]
            )
            door = DoorProcess(
                side.home_dir,
                side.domain,
                'forwarders = ["f.test"]\n[limits]\nconnections_per_peer = 100\ntarpit_seconds = 0.1\n'
                '[log]\nlevel = "debug"\n',
                nameserver=f"127.0.0.1:{dns.port}",
            )
            trace = folder / "trace"
            door.start(traced(trace))
            try:
                yield Place(world, door, [trace])
            finally:
                door.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def about(found: list[bytes], subject: bytes) -> list[bytes]:
    return [
        octets for octets in found if b"\r\nSubject: [not encrypted] " + subject + b"\r\n" in octets
    ]


@pytest.mark.parametrize("count", [_CASES, pytest.param(1_000, marks=pytest.mark.torture)])
def test_postfix_brings_mail_and_every_message_shows_what_the_door_found(
    place: Place, count: int
) -> None:
    cases = place.bring(count)
    found = place.inbox

    for number, one in enumerate(cases):
        [octets] = about(found, MARK + b"-%d" % number)
        status = parse(octets)
        assert status is not None
        shown = {name: word for name, word in status.more if name in one.shows}
        assert (status.mail, status.trust) == (Mail.ORDINARY, "none")
        assert (number, shown, status.notes) == (number, one.shows, one.notes)
        sent = one.octets.partition(b"\r\n\r\n")[2]
        assert octets[block_octets(octets) :].endswith(b"\r\n\r\n" + sent)
        assert dict(status.more)["tls"] == "yes"


def test_junk_is_what_its_domain_wants_distrusted_and_no_trusted_forwarder_vouches_for(
    place: Place,
) -> None:
    """Also of whatever else the other tests have brought into the same INBOX."""
    place.bring(_CASES)
    with imap(place.world.sides[0].known) as client:
        client.select("INBOX", readonly=True)
        junk = set(client.search(None, "KEYWORD", "$Junk")[1][0].split())
        failed = set(client.search(None, "TEXT", '"dmarc=fail"')[1][0].split())
        vouched = set(client.search(None, "TEXT", '"arc=pass header.d=f.test"')[1][0].split())
        claims = set(client.search(None, "KEYWORD", "$Unverified")[1][0].split())
        ordinary = client.search(None, "KEYWORD", "$NotEncrypted")[1][0].split()
        everything = client.search(None, "ALL")[1][0].split()

    assert junk
    assert vouched
    assert claims
    assert junk == failed - vouched
    assert len(ordinary) == len(everything)


def test_odd_messages_arrive_or_are_refused_and_hold_up_nobody(place: Place) -> None:
    odd = [b"X-Odd: %s\r\n" % MARK + one.octets for one in odd_messages() if one.is_submittable]
    before = place.arrived()
    with postfix_to(place.door.port) as postfix:
        taken = postfix.take([("carol@c.test", BOB, octets) for octets in odd])
        wait_until(lambda: sum(postfix.fates(BOB).values()) >= taken, 300)
        fates = postfix.fates(BOB)
    wait_until(lambda: place.arrived() == before + fates.get("sent", 0), 60)

    assert taken > 250
    assert fates.get("deferred", 0) == 0
    assert fates.get("sent", 0) > 250
    assert place.door.pid > 0


def test_nobody_is_there_but_who_asked_for_it(place: Place) -> None:
    """Postfix is told in the dialogue, and tells its own sender; the door sends nothing."""
    names = ["nobody@b.example", "alice@b.example", "bob@c.test"]
    mail = letter("c.test", MARK)
    with postfix_to(place.door.port) as postfix:
        postfix.take([("carol@c.test", name, mail) for name in names])
        wait_until(lambda: sum(postfix.fates(*names).values()) == len(names), 60)

        assert postfix.fates(*names) == {"bounced": len(names)}


def test_a_door_that_is_killed_loses_nothing_and_doubles_nothing(place: Place) -> None:
    mails = [("carol@c.test", BOB, letter("c.test", b"killed-%d" % number)) for number in range(40)]
    before = place.arrived()
    with postfix_to(place.door.port) as postfix:
        postfix.take(mails)
        wait_until(lambda: place.arrived() >= before + 5, 60)
        place.door.kill()
        place.traces.append(place.traces[0].with_name("trace-again"))
        place.door.start(traced(place.traces[-1]))
        wait_until(lambda: postfix.fates(BOB).get("sent", 0) == len(mails), 120, postfix.said)
    wait_until(lambda: place.arrived() >= before + len(mails), 60)
    found = place.inbox

    assert [len(about(found, b"killed-%d" % number)) for number in range(40)] == [1] * 40


def test_no_file_that_the_door_wrote_and_none_of_its_home_server_holds_a_word(place: Place) -> None:
    """Of whatever the tests have brought until now."""
    place.bring(_CASES)
    written = {path for trace in place.traces for path in written_files(trace)}
    files = {
        path
        for path in map(Path, written)
        if path.is_file() and not str(path).startswith(("/dev/", "/proc/"))
    }
    # the control: the mark is there to be found, in what the owner of the mail holds
    assert any(MARK in octets for octets in place.inbox)
    held = files_holding(
        [MARK], [*files, place.door.log, place.door.folder, *place.world.directory.glob("home-*")]
    )

    assert held == {}
    assert {path for path in files if path.suffix != ".pyc"} <= {place.door.log}
