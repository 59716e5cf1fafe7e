"""A private epoch key opens what was sealed to it, and nothing else; it never prints itself."""

from nacl.bindings import crypto_box_seal

from mx_core.envelope.format import SUITE_1
from mx_core.envelope.identity import LIVE_KEYS_MAX, newest_first
from tests.support.envelope import BOB, CAROL, device_key, epoch_secret


def test_a_key_opens_what_was_sealed_to_it() -> None:
    packet = crypto_box_seal(b"secret", device_key(BOB).x25519)

    assert BOB.opened(packet, b"", SUITE_1) == b"secret"
    assert CAROL.opened(packet, b"", SUITE_1) is None


def test_a_packet_with_an_ephemeral_key_of_low_order_does_not_open() -> None:
    assert BOB.opened(bytes(112), b"", SUITE_1) is None


def test_at_most_four_keys_are_tried_newest_first() -> None:
    keys = [epoch_secret(1, n) for n in (2, 9, 4, 7, 1)]

    assert [key.n for key in newest_first(keys)] == [9, 7, 4, 2]
    assert LIVE_KEYS_MAX == 4


def test_a_key_does_not_print_its_private_half() -> None:
    assert repr(bytes(BOB.private)) not in repr(BOB)
    assert bytes(BOB.private).hex() not in repr(BOB)
