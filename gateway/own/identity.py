"""Who this gateway's account is: its passport, its device key, and the proof it staples to mail."""

from __future__ import annotations

from dataclasses import dataclass

from nacl.signing import SigningKey

from mx_core.carriers.native.membership import Membership
from mx_core.envelope.seal import Sender
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import StoreDamaged, Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.passport.binding import Attestation
from mx_core.passport.card import Card, proof_of
from mx_core.passport.chain import verify_chain
from mx_core.passport.state import State
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnKey

# a reader takes a proof that was attested 48 h before the message at most (identity §4)
_RENEW_SECONDS = 86400


@dataclass
class OwnIdentity:
    """The account as its other devices and its contacts see it."""

    state: State
    device_id: DeviceId
    signing_key: Secret[SigningKey]
    store: AccountStore
    now: Now
    proof: bytes = b""  # owner: ``sender``; empty before the first card
    proof_issued: int = 0
    suspicion: str = ""  # why nothing is sent: the own home server is not believed

    @property
    def address(self) -> Address:
        """The canonical address that the passport is bound to."""
        return self.state.address

    @property
    def pid(self) -> Pid:
        """The passport's id."""
        return self.state.pid

    async def sender(self, membership: Membership) -> Sender:
        """Return what this device writes into an envelope, with a proof that will still hold.

        Raises:
            PeerUnreachable: The proof must be renewed and the home server does not answer.
            Untrusted: The home server attests something that this device never signed, or its
                log holds it.
        """
        if self.suspicion:
            raise Untrusted("own-log", self.suspicion)
        if self.now() > self.proof_issued + _RENEW_SECONDS:
            await self.keep_card(await membership.own_card())
        return Sender(
            address=self.address,
            pid=self.pid,
            device_id=self.device_id,
            seq=self.state.seq,
            head=self.state.head,
            signing_key=self.signing_key.reveal(),
            proof=self.proof,
        )

    async def keep_card(self, card_octets: bytes) -> None:
        """Keep the newest card of this account, if it says exactly what this device signed."""
        card = Card.decode(card_octets)
        own = tuple(await self.store.passport.entries())
        if card.address != self.address or card.entries != own:
            raise Untrusted(
                "own-card", "the home server gives out another passport for this address"
            )
        await self.store.keys.put(OwnKey.CARD, Secret(card_octets))
        self.take_card(card_octets)

    def take_card(self, card_octets: bytes) -> None:
        """Staple the proof of this card from now on."""
        attestation = Attestation.read(cbor.decode(Card.decode(card_octets).attestation))
        self.proof, self.proof_issued = proof_of(card_octets), attestation.issued


async def stored_identity(store: AccountStore, now: Now) -> OwnIdentity | None:
    """Return the identity that *store* holds, or None if registration never ended.

    Raises:
        StoreDamaged: The passport in the store does not verify, or a key is missing.
    """
    entries = await store.passport.entries()
    card = await store.keys.get(OwnKey.CARD)
    if not entries or card is None:
        return None
    seed = await store.keys.get(OwnKey.DEVICE)
    if seed is None:
        raise StoreDamaged("the device key of this account is missing")
    try:
        state = verify_chain(entries, now=now())
    except Untrusted as error:
        raise StoreDamaged(f"the own passport does not verify: {error}") from error
    own = OwnIdentity(state, store.device_id, Secret(SigningKey(seed.reveal())), store, now)
    own.take_card(card.reveal())
    return own
