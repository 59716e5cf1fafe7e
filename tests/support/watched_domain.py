"""Alice, and a domain whose log her gateway watches: what a lie of its home server needs."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.sending.shared_body import SharedBody
from mx_core.envelope.seal import Sender
from mx_core.model.errors import Refused
from mx_core.model.ids import DeviceId
from mx_core.model.message import Submission
from mx_core.passport import make
from mx_core.passport.op import Device, Kind
from mx_core.tlog.note import cosign, join, signature_lines
from tests.support.logged_domain import LoggedDomain
from tests.support.people import NOW, OwnDevice, Person, key_of, make_person
from tests.support.sending import ALICE, BOB, SendingAccount, sending_account
from tests.support.small_log import SmallLog

CAROL = make_person("carol@b.example")


@asynccontextmanager
async def alice_and(domain: LoggedDomain) -> AsyncIterator[SendingAccount]:
    """Alice, who can write to the people of *domain*."""
    me = make_person(str(ALICE))

    async def sender() -> Sender:
        state, first = me.state, me.first
        return Sender(ALICE, me.pid, first.id, state.seq, state.head, first.key, me.proof())

    async with sending_account(relay=False) as account:
        account.network.logged[domain.name] = domain
        account.outbound._sealing._me = sender
        yield account


def b_example() -> tuple[LoggedDomain, Person]:
    domain, bob = LoggedDomain("b.example"), make_person(str(BOB))
    domain.join(bob)
    domain.join(copy.deepcopy(CAROL))
    return domain, bob


async def send(account: SendingAccount) -> str:
    """Write to bob, let it take one step, and return what became of it."""
    account.forget_cards()
    octets = f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: x\r\n\r\nhello\r\n".encode()
    try:
        queue_id = await account.outbox.enqueue(Submission(ALICE, (BOB,), octets))
    except Refused:
        return "refused"  # the mail program hears it at once: nothing is pinned yet
    await account.store.outbox.show_new()
    due = await account.store.outbox.due(account.clock(), 10)
    [item] = [one for one in due if one.queue_id == queue_id]
    body = SharedBody(
        await account.store.outbox.content(item.queue_id), account.store.outbox.begin_long
    )
    await account.outbound._deliver_or_tell(item, body)
    after = await account.store.outbox.item(item.queue_id, item.recipient)
    assert after is not None
    return after.state.value


def stranger_as_bob() -> Person:
    """Return a passport for bob's address by somebody else."""
    identity, recovery = key_of("evil identity"), key_of("evil recovery")
    key = key_of("evil device")
    device = Device(DeviceId(b"e" * 16), bytes(key.verify_key), Kind.FULL)
    entry = make.genesis(BOB, identity, recovery, key, device.id, NOW)
    person = Person(BOB, identity, recovery, [OwnDevice(device, key)], [entry], NOW)
    person.publish_epoch()
    return person


def two_faces() -> tuple[LoggedDomain, LoggedDomain]:
    """Return a domain as everybody sees it, and the face that it shows to alice: other keys."""
    domain, _ = b_example()
    face = LoggedDomain("b.example", dict(domain.people))
    face.shown = domain.fork()
    domain.join(make_person("dave@b.example"))
    face.join(stranger_as_bob())
    return domain, face


def witnessed(log: SmallLog) -> bytes:
    """Return the checkpoint of *log* as alice's home server has cosigned it."""
    note = log.checkpoint()
    text = note.decode().rpartition("\n\n")[0] + "\n"
    line = cosign(text, "a.example/mailx-witness", key_of("witness"), NOW)
    return join(text, [*signature_lines(note), line])


async def evidence_in(account: SendingAccount) -> bytes:
    """Return the one bundle that lies in INBOX."""
    [letter] = [one for one in await account.reports() if b"evidence.mxe" in one]
    [encoded] = re.findall(rb'filename="evidence.mxe"\r\n\r\n([^-]*)', letter)
    return base64.b64decode(encoded)
