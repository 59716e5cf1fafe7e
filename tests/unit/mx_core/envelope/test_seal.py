"""What sealing promises, seen through the reader."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_secretbox_open_easy
from nacl.signing import SigningKey

from mx_core.envelope import seal
from mx_core.envelope.format import (
    CONTROL_NONCE,
    ENVELOPE_OCTETS_MAX,
    MESSAGE_OCTETS_MAX,
    SUITE_1,
    BodyHead,
    Control,
    Envelope,
    body_octets,
    control_key,
)
from mx_core.envelope.seal import DeviceKey, env_id, seal_body, seal_envelope
from mx_core.envelope.statement import Kind, PersonSender
from mx_core.model.address import Address
from mx_core.model.errors import MessageTooLarge, Untrusted
from mx_core.model.ids import DeviceId
from mx_core.model.octets import whole
from mx_core.notation.hashing import b2_plain
from tests.support.envelope import (
    ALICE_KEY,
    BOB,
    BOB_PID,
    CREATED,
    DELIVER_BY,
    DOOR_KEY,
    DOOR_RECORD,
    MESSAGE,
    MSG_ID,
    alice,
    device_key,
    door,
    entropy_of,
    epoch_secret,
    mail,
)


@settings(max_examples=40, deadline=None)
@given(
    message=st.binary(max_size=70_000),
    devices=st.integers(1, 8),
    proof=st.none() | st.binary(min_size=1, max_size=3000),
    ext=st.binary(max_size=300),
)
def test_what_was_sealed_is_opened_by_each_device(
    message: bytes, devices: int, proof: bytes | None, ext: bytes
) -> None:
    secrets = [epoch_secret(device) for device in range(devices)]
    sealed = mail(message, sender=alice(proof), secrets=secrets, ext=ext)

    for secret in secrets:
        opened, text = sealed.opened([secret])

        assert text == message
        assert opened.epoch is secret
        assert opened.proof == proof
        assert opened.ext == (ext or None)


def test_the_statement_says_who_sends_what_to_whom() -> None:
    opened, _ = mail().opened()

    claimed = opened.claimed
    assert claimed.kind is Kind.MAIL
    assert (claimed.msg_id, claimed.sender) == (MSG_ID, "alice@a.example")
    assert (claimed.created, claimed.deliver_by) == (CREATED, DELIVER_BY)
    assert claimed.recipient_pid == BOB_PID
    assert claimed.by == PersonSender(alice().pid, alice().device_id, 3, b"h" * 32)


def test_a_tag_and_capitals_of_the_sender_stay_out_of_the_statement() -> None:
    sender = replace(alice(), address=Address("Alice+shop", "a.example"))

    opened, _ = mail(sender=sender).opened()

    assert opened.claimed.sender == "alice@a.example"


def test_a_door_names_nobody_and_signs_as_a_door() -> None:
    opened, text = mail(sender=door()).opened(sign_pk=bytes(DOOR_KEY.verify_key))

    assert text == MESSAGE
    assert opened.claimed.kind is Kind.DOOR
    assert opened.claimed.sender == ""
    assert opened.claimed.by == DOOR_RECORD
    assert opened.proof is None


@pytest.mark.parametrize("kind", [Kind.MAIL, Kind.CONTROL, Kind.RECEIPT])
def test_each_kind_of_a_person_is_sealed_and_opened(kind: Kind) -> None:
    body = seal_body(b"", entropy_of(b"kind"))
    envelope = seal_envelope(
        body,
        alice(),
        BOB_PID,
        [device_key(BOB)],
        msg_id=MSG_ID,
        created=CREATED,
        deliver_by=DELIVER_BY,
        kind=kind,
        entropy=entropy_of(b"kind"),
    )

    opened, _ = replace(mail(), envelope=envelope, body=body).opened()

    assert opened.claimed.kind is kind


@pytest.mark.parametrize(
    ("devices", "packets"), [(1, 4), (3, 4), (4, 4), (5, 8), (8, 8), (9, 16), (16, 16)]
)
def test_the_number_of_packets_hides_the_number_of_devices(devices: int, packets: int) -> None:
    sealed = mail(secrets=[epoch_secret(device) for device in range(devices)])

    outer, _ = Envelope.decode(sealed.envelope)

    assert len(outer.packets) == packets
    assert list(outer.packets) == sorted(outer.packets)


@pytest.mark.parametrize("devices", [0, 17])
def test_an_envelope_for_no_device_or_too_many_is_a_bug_of_the_caller(devices: int) -> None:
    with pytest.raises(ValueError, match="1–16"):
        mail(secrets=[epoch_secret(device) for device in range(devices)])


def test_all_short_mail_looks_alike_from_outside() -> None:
    short, long = mail(b"yes"), mail(b"x" * 2000)

    assert len(short.envelope) == len(long.envelope)
    assert len(short.body.octets) == len(long.body.octets)


def test_nothing_of_sender_recipient_or_message_is_seen_from_outside() -> None:
    sealed = mail(sender=alice(proof=b"the card of alice@a.example" * 9))
    outside = sealed.envelope + whole(sealed.body.octets)

    for seen in (
        b"alice",
        b"bob",
        b"hello",
        BOB_PID,
        alice().pid,
        alice().device_id,
        BOB.device_id,
    ):
        assert seen not in outside


def test_a_dummy_is_as_long_as_a_packet_and_never_the_same() -> None:
    sealer = seal._BoxSealer(os.urandom)
    packet = sealer.to(device_key(epoch_secret(1)), bytes(64))
    dummies = {sealer.to_nobody(os.urandom(64)) for _ in range(50)}

    assert {len(dummy) for dummy in dummies} == {len(packet)}
    # none shares its key, nor any other octets, with another
    assert len({dummy[:32] for dummy in dummies}) == len({dummy[32:] for dummy in dummies}) == 50
    # a key of X25519 as libsodium writes it: the highest bit is not used
    assert all(dummy[31] < 128 for dummy in dummies)


def test_two_sealings_of_one_message_share_no_octets_that_tell() -> None:
    """Bcc: an envelope and a body of its own, so that nobody can link the two."""
    to, bcc = mail(seed=b"to"), mail(seed=b"bcc")

    assert BodyHead.decode(to.body.octets) != BodyHead.decode(bcc.body.octets)
    assert to.body.hash != bcc.body.hash
    assert to.body.key.reveal() != bcc.body.key.reveal()


def test_to_and_cc_share_one_body_under_envelopes_of_their_own() -> None:
    entropy = entropy_of(b"shared")
    body = seal_body(MESSAGE, entropy)
    readers = [epoch_secret(1), epoch_secret(2)]
    envelopes = [
        seal_envelope(
            body,
            alice(),
            BOB_PID,
            [device_key(reader)],
            msg_id=MSG_ID,
            created=CREATED,
            deliver_by=DELIVER_BY,
            entropy=entropy,
        )
        for reader in readers
    ]

    for reader, envelope in zip(readers, envelopes, strict=True):
        assert replace(mail(), envelope=envelope, body=body).opened([reader])[1] == MESSAGE
    with pytest.raises(Untrusted, match="none of this device's keys"):
        replace(mail(), envelope=envelopes[0], body=body).opened([readers[1]])


@pytest.mark.parametrize("length", [0, 1, 2047, 2048, 65_535, 65_536, 131_071, 131_072, 300_000])
def test_the_size_of_a_body_follows_from_the_size_of_its_message(length: int) -> None:
    body = seal_body(bytes(length), entropy_of(b"size"))

    assert len(body.octets) == body_octets(length)
    assert body.length == length


def test_a_message_over_the_limit_is_refused_before_it_is_sealed() -> None:
    with pytest.raises(MessageTooLarge):
        seal_body(bytes(MESSAGE_OCTETS_MAX + 1), entropy_of(b"limit"))


def test_a_proof_that_fills_the_envelope_is_refused() -> None:
    """61,440 octets of control, 448 of packets and the rest fit; the next step of Padmé does not."""
    fits = mail(sender=alice(proof=bytes(60_000)))

    assert len(fits.envelope) <= ENVELOPE_OCTETS_MAX
    assert fits.opened()[1] == MESSAGE
    with pytest.raises(MessageTooLarge):
        mail(sender=alice(proof=bytes(65_000)))


def test_a_published_key_of_low_order_is_refused_and_names_its_class() -> None:
    """Anybody could open what is sealed to it."""
    for key in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(Untrusted) as caught:
            seal_envelope(
                seal_body(b"", entropy_of(b"low")),
                alice(),
                BOB_PID,
                [DeviceKey(DeviceId(b"d" * 16), 1, key)],
                msg_id=MSG_ID,
                created=CREATED,
                deliver_by=DELIVER_BY,
                entropy=entropy_of(b"low"),
            )

        assert caught.value.failure == "device-key"


def test_the_control_block_is_sealed_under_a_key_of_the_envelope_with_nonce_zero() -> None:
    sealed = mail()
    outer, public = Envelope.decode(sealed.envelope)
    env_key = next(
        opened[:32]
        for packet in outer.packets
        if (opened := BOB.opened(packet, b"", SUITE_1)) is not None
    )

    plain = crypto_secretbox_open_easy(
        outer.control, CONTROL_NONCE, control_key(env_key, public.salt)
    )

    assert len(plain) == 1024
    control = Control.decode(plain.rstrip(b"\0")[:-1])
    assert control.body_key == sealed.body.key.reveal()


def test_keys_are_not_printed() -> None:
    sealed = mail()

    printed = repr((sealed.body, alice(), door(), BOB, sealed.opened()[0]))

    for key in (sealed.body.key.reveal(), bytes(ALICE_KEY), bytes(DOOR_KEY), bytes(BOB.private)):
        assert key.hex() not in printed
        assert repr(key) not in printed


def test_the_name_of_an_envelope_is_its_plain_digest() -> None:
    sealed = mail()

    assert env_id(sealed.envelope) == b2_plain(sealed.envelope)
    assert len(env_id(sealed.envelope)) == 32


def test_resealing_keeps_body_and_msg_id_and_changes_everything_seen() -> None:
    first = mail()
    entropy = entropy_of(b"again")
    again = seal_envelope(
        first.body,
        alice(),
        BOB_PID,
        [device_key(epoch_secret(2))],
        msg_id=MSG_ID,
        created=CREATED + 9,
        deliver_by=DELIVER_BY,
        entropy=entropy,
    )

    opened, text = replace(first, envelope=again).opened([epoch_secret(2)])

    assert text == MESSAGE
    assert opened.claimed.msg_id == first.opened()[0].claimed.msg_id
    assert env_id(again) != env_id(first.envelope)


def test_a_signature_by_another_key_is_not_accepted() -> None:
    other = replace(alice(), signing_key=SigningKey(b"x" * 32))

    with pytest.raises(Untrusted) as caught:
        mail(sender=other).opened()

    assert caught.value.failure == "signature"
