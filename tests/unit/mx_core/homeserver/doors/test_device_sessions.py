"""Nonces count once, sessions die in time, and no alteration passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from mx_core.homeserver.doors.device_sessions import DeviceSessions, Proof
from mx_core.model.errors import BadCredentials, Busy
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign

PID, DEVICE, LEAF = b"p" * 32, b"d" * 16, b"l" * 32
KEY = SigningKey(b"\x03" * 32)


class _Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def _sessions(clock: _Clock, outstanding: int = 10) -> DeviceSessions:
    return DeviceSessions("a.example", outstanding_max=outstanding, now=clock)


def _proof(nonce: bytes, *, domain: str = "a.example", use: str = Use.CLIENT_AUTH) -> Proof:
    signed = cbor.encode([domain, PID, DEVICE, nonce, LEAF])
    return Proof(PID, DEVICE, nonce, sign(KEY, use, signed))


def test_a_good_proof_passes_and_its_nonce_is_spent() -> None:
    sessions = _sessions(_Clock())
    nonce, _ = sessions.challenge(LEAF)

    assert sessions.spend(nonce) == LEAF
    sessions.prove(_proof(nonce), bytes(KEY.verify_key), LEAF)

    with pytest.raises(BadCredentials):
        sessions.spend(nonce)


def test_a_nonce_is_good_for_a_minute() -> None:
    clock = _Clock()
    sessions = _sessions(clock)
    nonce, expires = sessions.challenge(LEAF)
    clock.now = float(expires)

    with pytest.raises(BadCredentials):
        sessions.spend(nonce)


@pytest.mark.parametrize(
    ("proof", "key", "leaf"),
    [
        (_proof(b"n" * 32), None, LEAF),
        (_proof(b"n" * 32), bytes(SigningKey(b"\x04" * 32).verify_key), LEAF),
        (_proof(b"n" * 32), bytes(KEY.verify_key), b"other leaf".ljust(32)),
        (_proof(b"n" * 32, domain="b.example"), bytes(KEY.verify_key), LEAF),
        (_proof(b"n" * 32, use=Use.MESSAGE), bytes(KEY.verify_key), LEAF),
        (Proof(PID, DEVICE, b"n" * 32, b""), bytes(KEY.verify_key), LEAF),
    ],
)
def test_a_proof_of_anything_else_is_refused_in_one_sentence(
    proof: Proof, key: bytes | None, leaf: bytes
) -> None:
    """Another device, leaf, domain or use; identity §7."""
    with pytest.raises(BadCredentials, match="no active device of this passport signed this"):
        _sessions(_Clock()).prove(proof, key, leaf)


def test_outstanding_challenges_are_bounded_and_the_old_ones_go() -> None:
    clock = _Clock()
    sessions = _sessions(clock, outstanding=2)
    sessions.challenge(LEAF)
    sessions.challenge(LEAF)

    with pytest.raises(Busy):
        sessions.challenge(LEAF)
    clock.now += 61
    sessions.challenge(LEAF)


def test_a_session_lasts_an_hour_in_one_process() -> None:
    clock = _Clock()
    sessions = _sessions(clock)
    octets, session = sessions.open(7, DEVICE)

    assert sessions.read(octets) == session
    with pytest.raises(BadCredentials):
        _sessions(clock).read(octets)
    clock.now = float(session.expires)
    with pytest.raises(BadCredentials, match="over"):
        sessions.read(octets)


@given(where=st.integers(0), octet=st.integers(1, 255))
def test_one_changed_octet_is_no_session(where: int, octet: int) -> None:
    sessions = _sessions(_Clock())
    octets = bytearray(sessions.open(7, DEVICE)[0])
    octets[where % len(octets)] ^= octet

    with pytest.raises(BadCredentials):
        sessions.read(bytes(octets))


@given(st.binary(max_size=100))
def test_any_octets_are_no_session(octets: bytes) -> None:
    with pytest.raises(BadCredentials):
        _sessions(_Clock()).read(octets)
