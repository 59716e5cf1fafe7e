"""S: what an envelope says about its sender, and what the signature covers.  Identity §8.

Holds the statement as a value and as octets.  A decoded statement is a *claim* until
``open.verify_statement`` has checked its signature; nothing here can tell.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from msgspec import Struct

from mx_core.envelope.failure import EnvelopeFailure, refuse
from mx_core.envelope.shape import array, boolean, keyed, octets, text, uint
from mx_core.model.address import is_canonical
from mx_core.model.ids import DeviceId, MsgId, Pid
from mx_core.notation import cbor
from mx_core.notation.cbor import Value
from mx_core.notation.hashing import DIGEST_OCTETS, b2

ID_OCTETS: Final = 16

_ALWAYS: Final = frozenset({0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16})
_OF_A_PERSON: Final = frozenset({2, 3, 13, 14})
_OF_THE_DOOR: Final = frozenset({17})
_KIND_KEY: Final = 15


class Kind(IntEnum):
    """What an envelope is (S.15)."""

    MAIL = 1
    CONTROL = 2
    RECEIPT = 3
    DOOR = 4


class PersonSender(Struct, frozen=True):
    """Who a person's device says it is: S.2, 3, 13 and 14, there in kinds 1–3."""

    pid: Pid
    device_id: DeviceId
    seq: int
    head: bytes


class DoorRecord(Struct, frozen=True):
    """What the door saw of an ordinary delivery: S.17, there in kind 4.  Identity §11."""

    domain: str
    mail_from: str
    rcpt_to: str
    peer_ip: str
    helo: str
    tls: bool
    spf: str
    dkim: tuple[tuple[str, str], ...]  # (domain, result)
    dmarc: str
    received: int  # unix seconds

    def to_value(self) -> Value:
        """Return the record as CBOR takes it."""
        return {
            0: self.domain,
            1: self.mail_from,
            2: self.rcpt_to,
            3: self.peer_ip,
            4: self.helo,
            5: self.tls,
            6: self.spf,
            7: [[domain, result] for domain, result in self.dkim],
            8: self.dmarc,
            9: self.received,
        }

    @classmethod
    def from_value(cls, value: Value) -> DoorRecord:
        """Return the record that *value* holds; raises Untrusted ``format``."""
        field = keyed(value, frozenset(range(10)))
        return cls(
            domain=text(field[0]),
            mail_from=text(field[1]),
            rcpt_to=text(field[2]),
            peer_ip=text(field[3]),
            helo=text(field[4]),
            tls=boolean(field[5]),
            spf=text(field[6]),
            dkim=tuple(_dkim_result(item) for item in array(field[7])),
            dmarc=text(field[8]),
            received=uint(field[9]),
        )


class Statement(Struct, frozen=True):
    """S of identity §8.  ``by`` is the person's half or the door's, as the kind demands."""

    msg_id: MsgId
    sender: str  # canonical address; "" when the door speaks
    recipient_pid: Pid
    created: int  # unix seconds
    deliver_by: int  # unix seconds; judged by the accepting server alone
    body_commit: bytes
    body_hash: bytes  # of the whole MXB1 octets
    length: int  # octets of the message
    text_hash: bytes  # of the message
    suite: int
    ctx: bytes
    kind: Kind
    ext_hash: bytes
    by: PersonSender | DoorRecord

    def encode(self) -> bytes:
        """Return the octets that are signed."""
        fields: dict[int, Value] = {
            0: self.msg_id,
            1: self.sender,
            4: self.recipient_pid,
            5: self.created,
            6: self.deliver_by,
            7: self.body_commit,
            8: self.body_hash,
            9: self.length,
            10: self.text_hash,
            11: self.suite,
            12: self.ctx,
            _KIND_KEY: int(self.kind),
            16: self.ext_hash,
        }
        match self.by:
            case PersonSender(pid, device_id, seq, head):
                fields |= {2: pid, 3: device_id, 13: seq, 14: head}
            case DoorRecord() as record:
                fields |= {17: record.to_value()}
        return cbor.encode(fields)

    @classmethod
    def decode(cls, statement: bytes) -> Statement:
        """Return the claims that *statement* makes.

        Raises:
            Untrusted: ``canonical``, ``format`` or ``kind``.
        """
        value = cbor.decode(statement)
        field = keyed(value, _ALWAYS, _OF_A_PERSON | _OF_THE_DOOR)
        kind = _kind(uint(field[_KIND_KEY]))
        sender = text(field[1])
        by: PersonSender | DoorRecord
        if kind is Kind.DOOR:
            keyed(value, _ALWAYS | _OF_THE_DOOR)
            by = DoorRecord.from_value(field[17])
        else:
            keyed(value, _ALWAYS | _OF_A_PERSON)
            by = PersonSender(
                pid=Pid(octets(field[2], DIGEST_OCTETS)),
                device_id=DeviceId(octets(field[3], ID_OCTETS)),
                seq=uint(field[13]),
                head=octets(field[14], DIGEST_OCTETS),
            )
        if (sender != "") if kind is Kind.DOOR else not is_canonical(sender):
            raise refuse(EnvelopeFailure.FORMAT, "the sender's address is not in canonical form")
        return cls(
            msg_id=MsgId(octets(field[0], ID_OCTETS)),
            sender=sender,
            recipient_pid=Pid(octets(field[4], DIGEST_OCTETS)),
            created=uint(field[5]),
            deliver_by=uint(field[6]),
            body_commit=octets(field[7], DIGEST_OCTETS),
            body_hash=octets(field[8], DIGEST_OCTETS),
            length=uint(field[9]),
            text_hash=octets(field[10], DIGEST_OCTETS),
            suite=uint(field[11]),
            ctx=octets(field[12], DIGEST_OCTETS),
            kind=kind,
            ext_hash=octets(field[16], DIGEST_OCTETS),
            by=by,
        )


def hash_of_ext(proof: bytes | None, ext: bytes | None) -> bytes:
    """Return S.16; what is absent counts as a part of length 0."""
    return b2("MX1.ext", [proof or b"", ext or b""])


def _kind(number: int) -> Kind:
    try:
        return Kind(number)
    except ValueError as error:
        raise refuse(EnvelopeFailure.KIND, "a kind of mail that needs a newer version") from error


def _dkim_result(value: Value) -> tuple[str, str]:
    pair = array(value)
    if len(pair) != len(("domain", "result")):
        raise refuse(EnvelopeFailure.FORMAT, "a DKIM result is not a pair")
    return text(pair[0]), text(pair[1])
