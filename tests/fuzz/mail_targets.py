"""What senders write: messages, and the status block that only we may write."""

from __future__ import annotations

from gateway.arriving import status_block
from gateway.decrypting.enclosed import Kind, enclosed, kind_of
from gateway.decrypting.joining import joined
from gateway.decrypting.opener import NotOpened
from mx_core.mime import part_map
from mx_core.mime.header import fields_subset
from mx_core.mime.prepare import prepare
from mx_core.mime.text import searchable
from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from tests.fuzz.hammer import Target
from tests.support import imap_tokens
from tests.support.encrypted_mail import pgp_mime, smime
from tests.support.mime_bombs import BOMBS
from tests.support.odd_messages import odd_messages

_ODD = [message.octets for message in odd_messages() if len(message.octets) < 4_000]
_MESSAGES = [*_ODD, *(bomb(1_500) for bomb in BOMBS.values())]


def _prepare(octets: bytes) -> None:
    """Whatever the octets are, the answers are well formed and every part lies within."""
    form = prepare(octets)
    assert form.size == len(octets)
    for answer in (form.envelope, form.bodystructure, form.body):
        assert isinstance(imap_tokens.read(answer), list)
    for part in part_map.decode(form.parts).walk():
        assert 0 <= part.header_start <= part.body_start <= part.end <= len(octets)
    for field in form.fields:
        assert 0 <= field.start < field.end <= form.header_end
    asked = fields_subset(octets, form, {b"subject", b"to"}, exclude=True)
    assert len(asked) <= form.header_end + 2
    searchable(octets, form).encode()


MIME = Target("mime", _MESSAGES, _prepare)

_ALICE = Address.parse("alice@a.example")
_BLOCKS = [
    status_block.render(
        status_block.Status(
            mail=status_block.Mail.NETWORK,
            received=1_800_000_000,
            sender=_ALICE,
            trust="implicit",
            device=DeviceId(bytes(range(16))),
            suite=1,
            notes=(status_block.FIRST_CONTACT,),
            more=(("x-new", "a; b"),),
        ),
        _ALICE,
    )
    + b"From: alice@a.example\r\n\r\nhello\r\n",
    status_block.render(status_block.Status(status_block.Mail.REPORT, 1_800_000_000), None)
    + b"\r\n",
    status_block.render(
        status_block.Status(
            status_block.Mail.NETWORK, 0, Address.parse("zoë@a.example"), trust="verified"
        ),
        None,
    ),
]


def _status(octets: bytes) -> None:
    """What is read is within the octets, and it can be written and read again."""
    status = status_block.parse(octets)
    assert 0 <= status_block.block_octets(octets) <= len(octets)
    if status is None:
        return
    status_block.keywords(status)
    assert status_block.sentence(status)
    again = status_block.parse(status_block.render(status, None))
    assert again == status


STATUS = Target("status-block", _BLOCKS, _status)

_ENTITIES = [
    b"Content-Type: text/plain; hp=cipher\r\nSubject: inside\r\n\r\nhello\r\n",
    b"Content-Type: multipart/signed; boundary=b;\n protected-headers=v1\nTo: x\n\n--b--\n",
]
_ENCRYPTED = [
    pgp_mime(b"-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----\n"),
    smime(bytes.fromhex("308006092a864886f70d010703a080") + bytes(40)),
    *_ENTITIES,
]


def _encrypted(octets: bytes) -> None:
    """What is taken for encrypted holds something; what was inside is taken whole or not at all."""
    kind = kind_of(octets)
    found = enclosed(octets)
    assert found is None or (kind is not None and found)
    for came, entity in ((octets, _ENTITIES[0]), (_ENCRYPTED[0], octets)):
        made = joined(came, entity, kind or Kind.OPENPGP, 1_800_000_000, foreign=True)
        status = status_block.parse(made)
        assert status is not None
        assert status.mail is status_block.Mail.ORDINARY


ENCRYPTED = Target("encrypted", _ENCRYPTED, _encrypted, (NotOpened,))

TARGETS = (MIME, STATUS, ENCRYPTED)
