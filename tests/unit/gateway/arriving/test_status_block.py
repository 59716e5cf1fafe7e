"""The status block: what is written is read back, and only the first field counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.arriving.status_block import (
    FIRST_CONTACT,
    FORGED_STATUS,
    KEY_CHANGED_NOTE,
    Mail,
    Status,
    block_octets,
    claims_status,
    keywords,
    parse,
    render,
    sentence,
)
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import KEY_CHANGED, NOT_ENCRYPTED, UNVERIFIED
from mx_core.model.ids import DeviceId

ALICE = Address.parse("alice@a.example")
MESSAGE = b"From: alice@a.example\r\nSubject: x\r\n\r\nbody\r\n"
NETWORK = Status(
    mail=Mail.NETWORK,
    received=1_800_000_000,
    sender=ALICE,
    trust="implicit",
    device=DeviceId(bytes(range(16))),
    suite=1,
    notes=(FIRST_CONTACT,),
)
ORDINARY = Status(mail=Mail.ORDINARY, received=0)
REPORT = Status(mail=Mail.REPORT, received=1_800_000_000)


def test_the_block_of_the_spec_page() -> None:
    assert render(NETWORK, ALICE) == (
        b"MX-Status: 1; mail=network; from=alice@a.example; trust=implicit;\r\n"
        b" device=000102030405060708090a0b0c0d0e0f; suite=1;\r\n"
        b" received=2027-01-15T08:00:00Z; notes=first-contact; fields=2\r\n"
        b" (end-to-end encrypted; the sender is known by their first message)\r\n"
        b"Return-Path: <alice@a.example>\r\n"
    )
    assert render(REPORT, None) == (
        b"MX-Status: 1; mail=report; trust=none; received=2027-01-15T08:00:00Z;\r\n"
        b" fields=2\r\n"
        b" (written by your own gateway)\r\n"
        b"Return-Path: <>\r\n"
    )


_words = st.text(min_size=1, max_size=60)
_names = st.from_regex(r"x-[a-z0-9-]{1,12}", fullmatch=True)
_statuses = st.builds(
    Status,
    mail=st.sampled_from(Mail),
    received=st.integers(0, 2**34),
    sender=st.none() | st.sampled_from([ALICE, Address.parse("zoë+;=%(x)@a.example".replace("(x)", "x").replace(";", "/"))]),
    trust=_words,
    device=st.none() | st.binary(min_size=16, max_size=16).map(DeviceId),
    suite=st.none() | st.integers(0, 2**32),
    notes=st.lists(_words, max_size=5).map(tuple),
    more=st.lists(st.tuples(_names, _words), max_size=4, unique_by=lambda each: each[0]).map(tuple),
)  # fmt: skip


@given(
    status=_statuses, message=st.sampled_from([MESSAGE, b" folded\r\n\r\n", b"\tx", b"\r\n", b""])
)
def test_what_is_written_is_read_back_and_cut_off_exactly(status: Status, message: bytes) -> None:
    stored = render(status, ALICE) + message

    assert parse(stored) == status
    assert stored[block_octets(stored) :] == message
    assert all(len(line) <= 998 and line.isascii() for line in stored.split(b"\r\n")[:3])


def test_a_message_that_begins_with_a_fold_can_not_add_to_the_status() -> None:
    message = b" ; trust=verified\r\nSubject: x\r\n\r\n"
    stored = render(ORDINARY, None) + message

    assert parse(stored) == ORDINARY
    assert stored[block_octets(stored) :] == message


def test_a_message_with_its_own_return_path_keeps_it() -> None:
    message = b"Return-Path: <x@x.example>\r\nMX-Status: 1\r\n\r\n"
    stored = render(NETWORK, ALICE) + message

    assert stored[block_octets(stored) :] == message


FORGED = render(
    Status(mail=Mail.NETWORK, received=0, sender=Address.parse("boss@b.example"), trust="verified"),
    None,
)


def test_only_the_first_field_is_a_status() -> None:
    stored = render(ORDINARY, None) + FORGED + MESSAGE

    assert parse(stored) == ORDINARY
    assert parse(b"Subject: x\r\n" + FORGED) is None
    assert parse(b"\r\n" + FORGED) is None
    assert block_octets(MESSAGE) == 0


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"MX-Status", b"MX-Status: ", b"MX-Status: 1\r\n",
        b"mx-status: 1; mail=report; received=2027-01-15T08:00:00Z\r\n",
        b"MX-Status : 1; mail=report; received=2027-01-15T08:00:00Z\r\n",
        b"MX-Status: 2; mail=report; received=2027-01-15T08:00:00Z\r\n",
        b"MX-Status: 1; mail=secret; received=2027-01-15T08:00:00Z\r\n",
        b"MX-Status: 1; mail=report; mail=network; received=2027-01-15T08:00:00Z\r\n",
        b"MX-Status: 1; mail=report; received=yesterday\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; device=00\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; device=xy\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; from=nobody\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; fields=99\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; trust=%6eone\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; trust=%FF\r\n",
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z (a (b))\r\n",
        b"=?utf-8?q?MX-Status?=: 1; mail=report; received=2027-01-15T08:00:00Z\r\n",
    ],
)  # fmt: skip
def test_what_is_not_spelt_as_we_spell_it_is_no_status(octets: bytes) -> None:
    assert parse(octets + b"\r\n") is None
    assert block_octets(octets + b"\r\n") == 0


@given(octets=st.binary(max_size=60), at=st.integers(0, 300))
def test_any_octets_are_a_status_or_none(octets: bytes, at: int) -> None:
    block = render(NETWORK, ALICE)
    mangled = block[:at] + octets + block[at + len(octets) :] + MESSAGE

    parse(mangled)
    assert 0 <= block_octets(mangled) <= len(mangled)


def test_a_parameter_of_a_later_version_is_kept() -> None:
    status = parse(
        b"MX-Status: 1; mail=report; received=2027-01-15T08:00:00Z; seal=abc; x-y=%3B\r\n\r\n"
    )

    assert status is not None
    assert status.more == (("seal", "abc"), ("x-y", ";"))
    assert status.trust == "none"


def test_the_weak_case_is_the_marked_one() -> None:
    assert keywords(replace(NETWORK, trust="verified")) == frozenset()
    assert keywords(replace(NETWORK, trust="endorsed")) == frozenset()
    assert keywords(replace(NETWORK, trust="implicit")) == {UNVERIFIED}
    assert keywords(REPORT) == frozenset()
    assert keywords(ORDINARY) == {NOT_ENCRYPTED}
    notes = (KEY_CHANGED_NOTE,)
    changed = Status(Mail.NETWORK, received=0, sender=ALICE, trust="none", notes=notes)
    assert keywords(changed) == {KEY_CHANGED, UNVERIFIED}


def test_every_status_has_a_sentence_that_fits_a_comment() -> None:
    for trust in ("none", "implicit", "endorsed", "verified", "later"):
        for status in (NETWORK, ORDINARY, REPORT, Status(Mail.NETWORK, 0, ALICE, trust)):
            said = sentence(status)

            assert said.isascii()
            assert not set(said) & set("()\\\r\n")
    assert "key has changed" in sentence(
        Status(mail=Mail.NETWORK, received=0, sender=ALICE, notes=(KEY_CHANGED_NOTE,))
    )


def test_a_sender_s_own_status_field_is_noticed() -> None:
    assert FORGED_STATUS == "forged-status"
    assert claims_status(prepare(b"mX-StAtUs : x\r\n" + MESSAGE).fields)
    assert not claims_status(prepare(MESSAGE).fields)


def test_an_address_that_needs_more_than_ascii_is_told_by_from_alone() -> None:
    zoe = Address.parse("zoë@a.example")
    block = render(Status(mail=Mail.NETWORK, received=0, sender=zoe), zoe)

    assert b"from=zo%C3%AB@a.example" in block
    assert b"Return-Path: <>" in block


@pytest.mark.parametrize("moment", ["0027-01-15T08:00:00Z", "2027-1-15T8:0:0Z"])
def test_a_moment_that_we_would_spell_otherwise_is_no_status_of_ours(moment: str) -> None:
    block = render(REPORT, None).replace(b"2027-01-15T08:00:00Z", moment.encode())

    assert parse(block) is None
