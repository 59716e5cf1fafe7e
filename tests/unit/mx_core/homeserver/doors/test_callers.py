"""Whose call it is: asked of what comes with it, and of the rows, at every call."""

from __future__ import annotations

import asyncio

import pytest
from nacl.signing import SigningKey

from mx_core.db.database import Database
from mx_core.homeserver.doors.callers import Callers
from mx_core.homeserver.doors.device_sessions import DeviceSessions, Proof, Session
from mx_core.homeserver.people import accounts, collect_tokens
from mx_core.homeserver.people.accounts import Member, NewDevice
from mx_core.model.errors import BadCredentials
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign
from mx_core.tls.leaf import Leaves

PID, DEVICE, NOW, DOMAIN = b"p" * 32, b"d" * 16, 1_700_000_000, "a.example"
KEY = SigningKey(b"\x03" * 32)


class Shows:
    """A call, as far as it says who makes it."""

    def __init__(self, *sent: tuple[str, bytes]) -> None:
        self._sent = sent

    def invocation_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self._sent


def _callers(database: Database) -> Callers:
    leaves = Leaves(DOMAIN, SigningKey(b"\x04" * 32), lambda: NOW)
    sessions = DeviceSessions(DOMAIN, outstanding_max=10, now=lambda: NOW)
    return Callers(database, leaves, sessions, lambda: NOW)


@pytest.fixture
def ann(database: Database) -> Member:
    device = NewDevice(DEVICE, bytes(KEY.verify_key))
    return database.write_at_start(
        lambda tx: accounts.create(
            tx, f"ann@{DOMAIN}", PID, signed_entries=[b"e"], devices=[device], epochs=[], now=NOW
        )
    )


def _proof(callers: Callers, key: SigningKey = KEY) -> Proof:
    nonce, _, leaf = callers.challenge()
    signed = cbor.encode([DOMAIN, PID, DEVICE, nonce, leaf.spki_hash])
    return Proof(PID, DEVICE, nonce, sign(key, Use.CLIENT_AUTH, signed))


def _remove(database: Database, ann: Member) -> None:
    database.write_at_start(
        lambda tx: accounts.append_entry(
            tx, ann.mailbox_id, seq=1, signed_entry=b"f", active=[], now=NOW
        )
    )


async def _token(database: Database, ann: Member, seconds: int) -> bytes:
    token, _ = await collect_tokens.give(database, (ann.mailbox_id, DEVICE), seconds, NOW)
    return token


def test_who_proved_a_device_is_known_until_it_is_removed(database: Database, ann: Member) -> None:
    callers = _callers(database)
    octets, session = asyncio.run(callers.authenticate(_proof(callers)))
    call = Shows(("mx-session-bin", octets))

    assert asyncio.run(callers.session(call)) == session
    assert asyncio.run(callers.known(call)) == session
    assert asyncio.run(callers.collecting(call)) == session
    _remove(database, ann)
    for whose in (callers.session, callers.known, callers.collecting):
        with pytest.raises(BadCredentials, match="no longer active"):
            asyncio.run(whose(call))


@pytest.mark.usefixtures("ann")
def test_another_key_opens_no_session(database: Database) -> None:
    callers = _callers(database)

    with pytest.raises(BadCredentials):
        asyncio.run(callers.authenticate(_proof(callers, SigningKey(b"\x05" * 32))))


def test_a_passport_that_is_not_here_opens_no_session(database: Database) -> None:
    callers = _callers(database)

    with pytest.raises(BadCredentials):
        asyncio.run(callers.authenticate(_proof(callers)))


def test_a_token_collects_and_opens_nothing_else(database: Database, ann: Member) -> None:
    callers = _callers(database)
    call = Shows(("mx-collect-bin", asyncio.run(_token(database, ann, 60))))

    assert asyncio.run(callers.collecting(call)) == Session(ann.mailbox_id, DEVICE, NOW + 60)
    with pytest.raises(BadCredentials):
        asyncio.run(callers.session(call))
    assert asyncio.run(callers.known(call)) is None
    _remove(database, ann)
    with pytest.raises(BadCredentials):
        asyncio.run(callers.collecting(call))


def test_a_token_is_good_for_thirty_days_at_most_and_until_it_is_taken_back(
    database: Database, ann: Member
) -> None:
    callers = _callers(database)
    call = Shows(
        ("mx-collect-bin", asyncio.run(_token(database, ann, collect_tokens.SECONDS_MAX + 1)))
    )

    assert asyncio.run(callers.collecting(call)).expires == NOW + collect_tokens.SECONDS_MAX
    assert asyncio.run(_token(database, ann, 0)) == b""
    with pytest.raises(BadCredentials):
        asyncio.run(callers.collecting(call))


def test_who_shows_nothing_is_nobody(database: Database) -> None:
    callers = _callers(database)

    assert asyncio.run(callers.known(Shows())) is None
    for whose in (callers.session, callers.collecting):
        with pytest.raises(BadCredentials):
            asyncio.run(whose(Shows()))
