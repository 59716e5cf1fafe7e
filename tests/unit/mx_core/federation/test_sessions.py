"""The server's side of the proof."""

from __future__ import annotations

import pytest

from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.federation.sessions import Proved, Sessions
from mx_core.model.errors import Untrusted
from mx_core.tls.leaf import make_leaf, spki_hash
from mx_core.tls.peer import Peer, examine
from tests.support.certificates import key_of, pk_of

NOW = 1_800_000_000.0
SERVER_LEAF = make_leaf("b.test", key_of("b.test"), NOW)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def peer_of(domain: str) -> Peer:
    leaf = make_leaf(domain, key_of(domain), NOW)
    return examine(leaf.cert_pem, lambda name: [pk_of(name)], NOW)


def make_sessions(clock: Clock) -> Sessions:
    return Sessions("b.test", key_of("b.test"), lambda: SERVER_LEAF, clock)


def answer(
    sessions: Sessions, peer: Peer, nonce: bytes, *, signer: str = "", server: str = "b.test"
) -> Proved:
    octets = auth.proof_octets(
        Role.CLIENT,
        client=peer.domain,
        server=server,
        nonce_b=nonce,
        nonce_a=b"a" * 32,
        spki_hash=peer.spki_hash,
    )
    signature = auth.prove(key_of(signer or peer.domain), octets)
    return sessions.prove(
        peer, [pk_of(peer.domain)], nonce_b=nonce, nonce_a=b"a" * 32, signature=signature
    )


def test_a_good_proof_opens_a_session_for_an_hour_and_is_answered_by_the_servers_half() -> None:
    clock = Clock()
    sessions, peer = make_sessions(clock), peer_of("a.test")
    nonce = sessions.challenge(peer).nonce

    proved = answer(sessions, peer, nonce)

    assert proved.expires == int(NOW) + 3_600
    assert proved.leaf_der == SERVER_LEAF.der
    sessions.check(peer, proved.session)
    octets = auth.proof_octets(
        Role.SERVER,
        client="a.test",
        server="b.test",
        nonce_b=nonce,
        nonce_a=b"a" * 32,
        spki_hash=spki_hash(SERVER_LEAF.der),
    )
    auth.verify_proof([pk_of("b.test")], octets, proved.signature)


def test_no_session_outlives_the_leaf_it_is_bound_to() -> None:
    clock = Clock()
    sessions, peer = make_sessions(clock), peer_of("a.test")
    clock.now = peer.not_after - 60

    proved = answer(sessions, peer, sessions.challenge(peer).nonce)

    assert proved.expires == int(peer.not_after)


def test_a_replayed_proof_is_refused() -> None:
    sessions, peer = make_sessions(Clock()), peer_of("a.test")
    nonce = sessions.challenge(peer).nonce
    answer(sessions, peer, nonce)

    with pytest.raises(Untrusted) as refused:
        answer(sessions, peer, nonce)

    assert refused.value.failure == "proof"


def test_a_nonce_is_spent_by_a_bad_proof() -> None:
    sessions, peer = make_sessions(Clock()), peer_of("a.test")
    nonce = sessions.challenge(peer).nonce
    with pytest.raises(Untrusted):
        answer(sessions, peer, nonce, signer="evil.test")

    with pytest.raises(Untrusted):
        answer(sessions, peer, nonce)


def test_a_nonce_is_good_only_for_whom_it_was_given_to_and_where_and_when() -> None:
    clock = Clock()
    sessions, peer, again = make_sessions(clock), peer_of("a.test"), peer_of("a.test")

    with pytest.raises(Untrusted, match="never given out"):
        answer(sessions, peer, b"n" * 32)
    with pytest.raises(Untrusted, match="never given out"):
        answer(sessions, peer_of("c.test"), sessions.challenge(peer).nonce)
    with pytest.raises(Untrusted, match="another certificate"):
        answer(sessions, again, sessions.challenge(peer).nonce)
    with pytest.raises(Untrusted, match="no key of the domain"):
        answer(sessions, peer, sessions.challenge(peer).nonce, server="c.test")
    late = sessions.challenge(peer).nonce
    clock.now += 61
    with pytest.raises(Untrusted, match="expired"):
        answer(sessions, peer, late)


def test_a_session_is_refused_on_another_leaf_of_the_same_domain() -> None:
    sessions, peer, other = make_sessions(Clock()), peer_of("a.test"), peer_of("a.test")
    proved = answer(sessions, peer, sessions.challenge(peer).nonce)

    with pytest.raises(Untrusted) as refused:
        sessions.check(other, proved.session)

    assert refused.value.failure == "session"


def test_too_many_challenges_push_out_the_peers_own_oldest_and_nobody_elses() -> None:
    sessions, peer, other = make_sessions(Clock()), peer_of("a.test"), peer_of("c.test")
    first, others = sessions.challenge(peer).nonce, sessions.challenge(other).nonce
    for _ in range(16):
        last = sessions.challenge(peer).nonce

    answer(sessions, peer, last)
    answer(sessions, other, others)
    with pytest.raises(Untrusted):
        answer(sessions, peer, first)


def test_the_number_of_peers_with_open_challenges_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mx_core.federation.sessions._PEERS_MAX", 2)
    sessions = make_sessions(Clock())

    for domain in ("a.test", "b.test", "c.test"):
        sessions.challenge(peer_of(domain))

    assert list(sessions._open) == ["b.test", "c.test"]
