"""Layout: what is written is read, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.envelope.format import (
    BODY_HEAD_OCTETS,
    BODY_OCTETS_MAX,
    ENVELOPE_OCTETS_MAX,
    MESSAGE_OCTETS_MAX,
    PACKET_COUNTS,
    PACKET_OCTETS,
    SUITE_1,
    BodyHead,
    Control,
    Envelope,
    Public,
    body_commitment,
    body_octets,
    context,
    control_key,
    envelope_commitment,
    hash_of_body,
    hash_of_message,
    stream_key,
)
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.notation.hashing import b2

digests = st.binary(min_size=32, max_size=32)
publics = st.builds(Public, digests, digests)
packet_lists = st.sampled_from(PACKET_COUNTS).flatmap(
    lambda count: st.sets(
        st.binary(min_size=PACKET_OCTETS[SUITE_1], max_size=PACKET_OCTETS[SUITE_1]),
        min_size=count,
        max_size=count,
    )
)
filled = st.none() | st.binary(min_size=1, max_size=80)


@given(public=publics)
def test_what_is_written_as_pub_is_read(public: Public) -> None:
    assert Public.decode(public.encode()) == public


@given(public=publics, packets=packet_lists, control=st.binary(max_size=200))
def test_what_is_written_as_envelope_is_read(
    public: Public, packets: set[bytes], control: bytes
) -> None:
    envelope = Envelope(public.encode(), tuple(sorted(packets)), control)

    assert Envelope.decode(envelope.encode()) == (envelope, public)


@given(
    control=st.builds(
        Control,
        statement=st.binary(max_size=90),
        signature=st.binary(min_size=64, max_size=64),
        body_key=digests,
        proof=filled,
        ext=filled,
    )
)
def test_what_is_written_as_control_block_is_read(control: Control) -> None:
    assert Control.decode(control.encode()) == control


@given(salt=digests, commitment=digests, header=st.binary(min_size=24, max_size=24))
def test_what_is_written_as_head_of_a_body_is_read(
    salt: bytes, commitment: bytes, header: bytes
) -> None:
    head = BodyHead(salt, commitment, header)

    assert len(head.encode()) == BODY_HEAD_OCTETS == 92
    assert BodyHead.decode(head.encode() + b"chunks") == head


def test_sizes_follow_from_the_limits() -> None:
    assert body_octets(0) == 92 + 2048 + 17
    assert body_octets(65_535) == 92 + 65_536 + 17
    assert body_octets(65_536) == 92 + 67_584 + 2 * 17
    assert body_octets(MESSAGE_OCTETS_MAX) == BODY_OCTETS_MAX == 69_224_060


@pytest.mark.parametrize("length", [BODY_OCTETS_MAX + 1])
def test_a_body_over_the_limit_is_refused_before_it_is_looked_at(length: int) -> None:
    with pytest.raises(Untrusted) as caught:
        BodyHead.decode(bytes(length))

    assert caught.value.failure == "size"


def test_the_largest_envelope_is_read_as_far_as_its_layout() -> None:
    public = Public(bytes(32), bytes(32)).encode()
    packets = tuple(bytes([n]) * PACKET_OCTETS[SUITE_1] for n in range(4))
    room = ENVELOPE_OCTETS_MAX - len(Envelope(public, packets, bytes(60_000)).encode()) + 60_000
    largest = Envelope(public, packets, bytes(room)).encode()

    assert len(largest) == ENVELOPE_OCTETS_MAX
    assert Envelope.decode(largest)[0].control == bytes(room)
    with pytest.raises(Untrusted) as caught:
        Envelope.decode(Envelope(public, packets, bytes(room + 1)).encode())
    assert caught.value.failure == "size"


def test_version_and_suite_are_judged_before_what_they_give_meaning_to() -> None:
    """A newer version may hold other keys; "needs a newer version" is then the right answer."""
    values: list[tuple[dict[int, cbor.Value], str]] = [
        ({0: 2, 1: 7, 9: b""}, "version"),
        ({0: 1, 1: 3, 9: b""}, "suite"),
        ({0: 1, 1: 2, 9: b""}, "format"),
        ({0: 1, 1: 1, 9: b""}, "format"),
        ({0: 1}, "format"),
    ]
    for value, failure in values:
        with pytest.raises(Untrusted) as caught:
            Public.decode(cbor.encode(value))

        assert caught.value.failure == failure


def test_each_derivation_has_a_person_string_of_its_own() -> None:
    key, salt = b"k" * 32, b"s" * 32

    derived = [
        envelope_commitment(key, salt),
        control_key(key, salt),
        body_commitment(key, salt),
        stream_key(key, salt),
        context(salt),
        hash_of_body(salt),
        hash_of_message(salt),
    ]

    assert len(set(derived)) == len(derived)
    assert derived == [
        b2("MX1.env.commit", [salt], key=key),
        b2("MX1.env.ctl", [salt], key=key),
        b2("MX1.body.commit", [salt], key=key),
        b2("MX1.body.key", [salt], key=key),
        b2("MX1.ctx", [salt]),
        b2("MX1.body.ct", [salt]),
        b2("MX1.body.pt", [salt]),
    ]
