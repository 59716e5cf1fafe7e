"""The server's side of the proof: challenges given out once, sessions checked at every call.

Used by the home server's federation listener.  Challenges are kept in memory, few per peer, so a
peer can neither replay a proof nor push out another peer's challenge; a restart forgets them, and
the callers ask for new ones.  Knows no transport.  docs/spec/federation.md §3.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.model.clock import Now
from mx_core.model.errors import Untrusted
from mx_core.model.secret import Secret
from mx_core.tls.leaf import Leaf
from mx_core.tls.peer import Peer

CHALLENGE_SECONDS: Final = 60
_OPEN_PER_PEER: Final = 16
_PEERS_MAX: Final = 2_000


class Challenge(NamedTuple):
    """A nonce and the unix second until which it may be answered."""

    nonce: bytes
    expires: int


class Proved(Struct, frozen=True):
    """What the server answers to a good proof; *signature* is its own half."""

    session: bytes
    expires: int
    signature: bytes
    leaf_der: bytes


class _Open(NamedTuple):
    nonce: bytes
    spki_hash: bytes
    expires: int


class Sessions:
    """Challenges and sessions of one served domain.  Owner: the event loop."""

    def __init__(
        self,
        domain: str,
        domain_key: SigningKey,
        leaf: Callable[[], Leaf],
        now: Now,
        *,
        session_key: Secret[bytes] | None = None,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """*leaf* gives the certificate shown now; workers of one domain share *session_key*."""
        self._domain = domain
        self._domain_key = domain_key
        self._leaf = leaf
        self._now = now
        self._session_key = session_key or Secret(entropy(32))
        self._entropy = entropy
        self._open: OrderedDict[str, deque[_Open]] = OrderedDict()

    def challenge(self, peer: Peer) -> Challenge:
        """Return a fresh nonce for *peer*; the oldest of too many open ones is forgotten."""
        challenge = Challenge(
            self._entropy(auth.NONCE_OCTETS), int(self._now()) + CHALLENGE_SECONDS
        )
        waiting = self._open.setdefault(peer.domain, deque(maxlen=_OPEN_PER_PEER))
        waiting.append(_Open(challenge.nonce, peer.spki_hash, challenge.expires))
        self._open.move_to_end(peer.domain)
        if len(self._open) > _PEERS_MAX:
            self._open.popitem(last=False)
        return challenge

    def prove(
        self, peer: Peer, keys: Sequence[bytes], *, nonce_b: bytes, nonce_a: bytes, signature: bytes
    ) -> Proved:
        """Judge the proof of *peer*, whose active domain keys are *keys*.

        The nonce is spent whether the proof is good or not.

        Raises:
            Untrusted: ``proof``: unknown, spent or expired nonce, another leaf, wrong key.
        """
        self._spend(peer, nonce_b)
        octets = auth.proof_octets(
            Role.CLIENT,
            client=peer.domain,
            server=self._domain,
            nonce_b=nonce_b,
            nonce_a=nonce_a,
            spki_hash=peer.spki_hash,
        )
        auth.verify_proof(keys, octets, signature)
        leaf = self._leaf()
        own_half = auth.proof_octets(
            Role.SERVER,
            client=peer.domain,
            server=self._domain,
            nonce_b=nonce_b,
            nonce_a=nonce_a,
            spki_hash=leaf.spki_hash,
        )
        # no session outlives the leaf it is bound to
        expires = int(min(self._now() + auth.SESSION_SECONDS_MAX, peer.not_after))
        return Proved(
            session=auth.make_session(self._session_key, peer.domain, peer.spki_hash, expires),
            expires=expires,
            signature=auth.prove(self._domain_key, own_half),
            leaf_der=leaf.der,
        )

    def check(self, peer: Peer, session: bytes) -> None:
        """Let a call pass that carries *session* (metadata ``mx-session-bin``).

        Raises:
            Untrusted: ``session``: answered UNAUTHENTICATED; the caller proves itself again.
        """
        auth.check_session(
            self._session_key,
            session,
            domain=peer.domain,
            spki_hash=peer.spki_hash,
            now=self._now(),
        )

    def _spend(self, peer: Peer, nonce: bytes) -> None:
        waiting = self._open.get(peer.domain, deque())
        for challenge in waiting:
            if challenge.nonce == nonce:
                waiting.remove(challenge)
                break
        else:
            raise Untrusted("proof", "the nonce was never given out, or is spent")
        if challenge.spki_hash != peer.spki_hash:
            raise Untrusted("proof", "the nonce was given to another certificate")
        if self._now() > challenge.expires:
            raise Untrusted("proof", "the nonce has expired")
