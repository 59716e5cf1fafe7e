"""What mail programs send: IMAP, SMTP."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

from imap_out.wire.framing import Frame, Framer, Poisoned
from imap_out.wire.limits import Limits
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, BadMessage
from smtp_in import command, submission
from smtp_in.body import DataReader, Flaw, Room
from smtp_in.limits import Limits as SmtpLimits
from smtp_in.message import make_submission
from tests.fuzz.hammer import Target
from tests.support.imap_spelling import frame_of

_TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
_SPOKEN = sorted(
    {
        line[3:]
        for path in _TRANSCRIPTS.glob("*.txt")
        for line in path.read_bytes().splitlines()
        if line.startswith(b"C: ") and b" " in line[3:]
    }
)
_COMMANDS = [
    *_SPOKEN,
    b'a LOGIN "al\\"ice" {3}\r\nxyz',
    b"a AUTHENTICATE PLAIN AGEAYg==",
    b'a ID ("name" "Thunderbird" "os" NIL)',
    b"a ENABLE CONDSTORE UTF8=ACCEPT",
    b'a LIST (SUBSCRIBED) "" ("INBOX" "&ZeVnLIqe-/%") RETURN (CHILDREN STATUS (MESSAGES UIDNEXT))',
    b'a CREATE "Sent" (USE (\\Sent))',
    b'a APPEND INBOX (\\Seen $Junk) "21-Nov-2026 10:11:12 +0100" {5+}\r\nhello',
    b"a UID FETCH 1:*,7 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (To Cc)]<0.100> RFC822.SIZE)",
    b"a FETCH 4294967295:1 (UID ENVELOPE BODYSTRUCTURE INTERNALDATE BODY[TEXT] RFC822.HEADER)",
    b'a UID SEARCH CHARSET UTF-8 OR (NOT SEEN SINCE 1-Jan-2026) HEADER Subject "x" UID 1:3 LARGER 5',
    b'a SEARCH BODY {4}\r\n\xc3\xa9\xc3\xa9 KEYWORD $x SENTBEFORE "21-Nov-2026" (ALL)',
    b"a UID SEARCH RETURN (SAVE MIN COUNT PARTIAL -1:-100) CHARSET UTF-8 $ OLDER 60 UID $",
    b"a UID FETCH $ (FLAGS) (PARTIAL 1:4294967295 CHANGEDSINCE 1 VANISHED)",
    b"a UID SORT RETURN (MIN ALL) (REVERSE DISPLAYFROM SUBJECT) UTF-8 OR SEEN (TEXT {2+}\r\nxx)",
    b'a THREAD REFERENCES "UTF-8" (ALL)',
    b"a SEARCH RETURN () NOT (YOUNGER 4294967295)",
    b"a UID STORE 1,3:5 +FLAGS.SILENT (\\Deleted \\*)",
    b"a STORE 2 FLAGS \\Seen \\Flagged",
    b"a UID MOVE 1:9 &AOk-t&AOk-",
    b"a STATUS INBOX (MESSAGES UNSEEN UIDVALIDITY SIZE DELETED)",
]


def _parse(octets: bytes) -> None:
    """The frame is cut as a client means it, so that literals are altered too."""
    try:
        frame = frame_of(octets + b"\r\n")
    except AssertionError:
        return  # octets behind the end of the command: the framer's business
    tag, _ = parse(frame)
    assert tag


IMAP_COMMANDS = Target("imap-commands", _COMMANDS, _parse, (BadSyntax,))

_SMALL = Limits(
    line_octets_before_login=80,
    line_octets=200,
    literal_octets_before_login=20,
    literals_octets_before_login=40,
    command_octets=300,
    message_octets=500,
    append_octets=700,
)
# an APPEND of several messages is weighed before each literal; one more line may follow the last
_FRAME_MAX = _SMALL.command_octets + _SMALL.append_octets + _SMALL.line_octets
_STREAMS = [b"".join(c + b"\r\n" for c in _COMMANDS[n : n + 4]) for n in range(0, 60, 3)]


def _frames(pieces: list[bytes], *, authenticated: bool) -> list[object]:
    framer = Framer(_SMALL)
    framer.authenticated = authenticated
    events: list[object] = []
    for piece in pieces:
        framer.feed(piece)
        while (event := framer.next_frame()) is not None:
            events.append(event)
            if isinstance(event, Poisoned) and event.close:
                return events
            if isinstance(event, Frame):
                assert sum(map(len, event.segments)) <= _FRAME_MAX
    return events


def _framing(octets: bytes) -> None:
    """However the octets are cut into pieces, the same frames come out."""
    chance = random.Random(octets)
    whole = [octets]
    cut: list[bytes] = []
    at = 0
    while at < len(octets):
        size = chance.choice((1, 1, 2, 7, 60))
        cut.append(octets[at : at + size])
        at += size
    for authenticated in (False, True):
        assert _frames(whole, authenticated=authenticated) == _frames(
            cut, authenticated=authenticated
        )


IMAP_FRAMING = Target("imap-framing", _STREAMS, _framing)

_DATA = [
    b"From: a@a.example\r\nTo: b@b.example\r\nSubject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<a@b>\r\n",
    b"Bcc: c@c.example\r\n folded\r\nTo: x\r\n\r\nbody\r\n" + b"y" * 70 + b"\r\n.\r\nQUIT\r\n",
    b".\r\nRSET\r\n",
    b"a: b\r\n\r\n\r\n.x\r\n..\r\n.\r\n",
]


def _data(octets: bytes) -> None:
    """Only CRLF.CRLF ends a message, wherever the octets are cut; no dot and no line is lost."""
    chance = random.Random(octets)
    first, _, _ = (b"\r\n" + octets).partition(b"\r\n.\r\n")
    ends_at = len(first) + 3 if len(first) < len(octets) + 2 else None
    room = Room(10_000)
    reader = DataReader(room, message_octets=400, line_octets=100)
    rest: bytes | None = None
    at = 0
    while at < len(octets) and rest is None:
        size = chance.choice((1, 2, 5, 64, 1_000))
        rest = reader.feed(octets[at : at + size])
        at += size
    if reader.hopeless:
        return
    assert (rest is None) == (ends_at is None)
    if ends_at is None or rest is None:
        return
    assert rest + octets[at:] == octets[ends_at:]
    message = reader.message()
    reader.close()
    assert room.take(10_000), "room was not given back"
    sent = octets[: ends_at - 3]
    lines = sent.split(b"\r\n")
    as_meant = b"\r\n".join(line.removeprefix(b".") for line in lines)
    is_clean = not any(set(line) & set(b"\r\n\0") for line in lines)
    if not isinstance(message, Flaw):
        assert message == as_meant
        assert is_clean
        assert len(message) <= 400
    elif message is Flaw.BARE_OCTET:
        assert not is_clean
    else:
        assert len(sent) > 400 or max(map(len, lines)) > 100


SMTP_DATA = Target("smtp-data", _DATA, _data)

_ALICE = Address.parse("alice@a.example")
_NOW = 1_800_000_000.0
_ARGUMENTS = [
    b"FROM:<alice@a.example> SIZE=1000 BODY=8BITMIME AUTH=<>",
    b'FROM:<"al.ice"@a.example>',
    b"TO:<@r1.example,@r2.example:bob@b.example>",
    "TO:<böb@bücher.example>".encode(),
    b"TO:<bob+tag@b.example> NOTIFY=NEVER",
    b"TO:<bob@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2B1@b.example",
    b"FROM:<alice@a.example> RET=FULL ENVID=QQ+20314159 SMTPUTF8",
    b"FROM:<>",
    b"AGFsaWNlAHNlY3JldA==",
    b"PLAIN AGFsaWNlAHNlY3JldA==",
]


def _arguments(octets: bytes) -> None:
    """As aiosmtpd hands them on: text in which foreign octets are surrogates."""
    argument = octets.decode("utf-8", "surrogateescape")
    begun = submission.judge_mail(
        command.parse_path(argument, "FROM:"), _ALICE, lambda _: True, SmtpLimits(), _NOW
    )
    if isinstance(begun, submission.Transaction):
        assert str(begun.sender).encode()
    transaction = submission.Transaction(_ALICE)
    found = submission.judge_recipient(
        command.parse_path(argument, "TO:"), transaction, SmtpLimits()
    )
    if isinstance(found, Address):
        assert str(found.canonical()).encode()
    decoded = command.decode_base64(octets)
    if decoded is not None:
        command.parse_plain(decoded)


SMTP_COMMANDS = Target("smtp-commands", _ARGUMENTS, _arguments)


def _submission(octets: bytes) -> None:
    lines = b"\r\n".join(octets.replace(b"\0", b"").splitlines()) + b"\r\n"
    with contextlib.suppress(BadMessage):
        asked = submission.Transaction(_ALICE, [_ALICE])
        made = make_submission(lines, asked, now=1_800_000_000, unique="u" * 32)
        assert made.octets.endswith(lines) or b"bcc" in lines.lower()


_MESSAGES = [
    b"Date: Sat, 21 Nov 2026 10:11:12 +0100\r\nBcc: =?utf-8?q?c?= <c@c.example>,\r\n d@d\r\n\r\nx",
    b"To: Alice <alice@a.example>, g: x@x.example;\r\nMessage-ID: <x@a>\r\n\r\nx\r\n",
    b'Resent-Bcc: (c) c@c.example\r\nCc: "A, B" <alice@a.example>\r\nbcc:\r\n\r\n\r\nBcc: in body\r\n',
]
SUBMISSION = Target("submission", _MESSAGES, _submission)


def _address(octets: bytes) -> None:
    address = Address.parse(octets.decode("utf-8", "surrogateescape"))
    assert str(address).encode()
    canonical = address.canonical()
    assert Address.parse(str(canonical)) == canonical
    assert canonical.canonical() == canonical


_ADDRESSES = [
    b"alice@a.example",
    "böb.smith+tag@bücher.example".encode(),
    b"a!#$%&'*+/=?^_`{|}~-@xn--bcher-kva.example",
    "e\u0301@straße.example".encode(),
    "用户@例え.テスト".encode(),
    b"x" * 64 + b"@" + b".".join([b"a" * 60] * 4),
]
ADDRESSES = Target("addresses", _ADDRESSES, _address, (BadAddress,))

TARGETS = (
    IMAP_COMMANDS,
    IMAP_FRAMING,
    SMTP_DATA,
    SMTP_COMMANDS,
    SUBMISSION,
    ADDRESSES,
)
