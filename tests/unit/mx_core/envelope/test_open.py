"""What a reader refuses, and under which class; the cases are those of tests/vectors/envelope."""

import tracemalloc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.envelope.failure import EnvelopeFailure
from mx_core.envelope.format import CHUNK_OCTETS, SUITE_1, Envelope, hash_of_body
from mx_core.envelope.open import open_body, open_control, verify_statement
from mx_core.model.address import is_canonical
from mx_core.model.errors import Untrusted
from mx_core.model.octets import whole
from mx_core.notation import cbor
from tests.support.envelope import (
    ALICE_KEY,
    BOB,
    BOB_PID,
    CAROL_PID,
    MESSAGE,
    alice,
    epoch_secret,
    mail,
    read,
    xwing_seed,
)
from tests.support.envelope_cases.case import OPENED, Case
from tests.support.envelope_vectors import GROUPS, example_steps, load, yielded
from tests.support.forged_envelope import (
    TAG_FINAL,
    TAG_MESSAGE,
    as_door,
    as_is,
    flip,
    forged_body,
    forged_envelope,
)
from tests.support.octets import Octets
from tests.support.page_reader import PageRefusalError, page_read
from tests.support.refusal import tried

PAGE = Path(__file__).parents[4] / "docs" / "spec" / "envelope.md"
VECTORS = [(case, opened) for group in GROUPS for case, opened in load(group)]
MADE_ANEW = [case for cases in GROUPS.values() for case in cases()]
SENT = mail(sender=alice(proof=b"a card"), ext=b"\xa0", secrets=[epoch_secret(1), epoch_secret(2)])
DOCUMENTED = {str(failure) for failure in EnvelopeFailure}


def outcome_of(case: Case) -> str:
    _, failure = tried(
        lambda: read(
            case.envelope.value,
            case.body.value,
            case.epochs,
            sign_pk=case.sign_pk,
            my_pid=case.my_pid,
        )
    )
    return failure or OPENED


@pytest.mark.parametrize(("case", "opened"), VECTORS, ids=[case.name for case, _ in VECTORS])
def test_each_vector_has_its_stated_outcome(case: Case, opened: dict[str, Any]) -> None:
    assert outcome_of(case) == case.outcome
    if case.outcome == OPENED:
        assert yielded(case) == opened


def test_the_committed_vectors_are_all_the_cases_that_are_made() -> None:
    committed = [(case.name, case.says, case.outcome) for case, _ in VECTORS]

    assert committed == [(case.name, case.says, case.outcome) for case in MADE_ANEW]


@pytest.mark.parametrize("case", MADE_ANEW, ids=[case.name for case in MADE_ANEW])
def test_each_case_made_anew_has_its_stated_outcome(case: Case) -> None:
    assert outcome_of(case) == case.outcome


def test_the_vectors_reach_every_class_but_the_writers_own() -> None:
    reached = {case.outcome for case, _ in VECTORS} - {OPENED}

    assert reached == DOCUMENTED - {EnvelopeFailure.DEVICE_KEY}


def test_one_altered_octet_of_an_envelope_is_refused_or_lies_in_a_foreign_packet() -> None:
    """Each octet in turn.  Packets for others are not mine to check; the message stays the same."""
    outer, _ = Envelope.decode(SENT.envelope)
    foreign = [
        range(at, at + len(packet))
        for packet in outer.packets
        if BOB.opened(packet, b"", SUITE_1) is None and (at := SENT.envelope.index(packet))
    ]
    for at in range(len(SENT.envelope)):
        altered = flip(SENT.envelope, at, 1 << at % 8)

        result, failure = tried(partial(read, altered, SENT.body.octets))

        if any(at in packet for packet in foreign) and result:
            assert result[1] == MESSAGE
        else:
            assert failure in DOCUMENTED


def test_one_altered_octet_of_a_body_is_refused() -> None:
    opened = open_control(SENT.envelope, [BOB])
    statement = verify_statement(opened, sign_pk=bytes(ALICE_KEY.verify_key), my_pid=BOB_PID)
    for at in range(len(SENT.body.octets)):
        with pytest.raises(Untrusted) as caught:
            open_body(flip(whole(SENT.body.octets), at, 1 << at % 8), opened, statement)

        assert caught.value.failure in {"magic", "body-commitment", "body-hash"}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_an_envelope_cut_and_mended_anywhere_is_refused_with_a_documented_class(
    data: st.DataObject,
) -> None:
    start = data.draw(st.integers(0, len(SENT.envelope)))
    end = data.draw(st.integers(start, len(SENT.envelope)))
    envelope = SENT.envelope[:start] + data.draw(st.binary(max_size=40)) + SENT.envelope[end:]

    result, failure = tried(lambda: read(envelope, SENT.body.octets))

    assert failure in DOCUMENTED or (result and result[1] == MESSAGE)


@settings(max_examples=150, deadline=None)
@given(inside=st.binary(max_size=400))
def test_any_octets_behind_the_magic_are_refused_with_a_documented_class(inside: bytes) -> None:
    with pytest.raises(Untrusted) as caught:
        open_control(b"MXE1" + inside, [BOB])

    assert caught.value.failure in DOCUMENTED


@settings(max_examples=100, deadline=None)
@given(control=st.binary(max_size=400))
def test_any_octets_as_control_block_are_refused_with_a_documented_class(control: bytes) -> None:
    """A recipient can be written to by anybody who knows an epoch."""
    envelope = forged_envelope(SENT.body, encode_control=lambda _: control)

    with pytest.raises(Untrusted) as caught:
        open_control(envelope, [BOB])

    assert caught.value.failure in {"canonical", "format"}


@settings(max_examples=100, deadline=None)
@given(statement=st.binary(max_size=400))
def test_any_octets_as_statement_are_refused_with_a_documented_class(statement: bytes) -> None:
    envelope = forged_envelope(SENT.body, encode_statement=lambda _: statement)

    with pytest.raises(Untrusted) as caught:
        open_control(envelope, [BOB])

    assert caught.value.failure in {"canonical", "format", "kind"}


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2200), junk=st.binary(max_size=40), remove=st.integers(0, 2200))
def test_any_body_that_a_liar_signs_is_opened_whole_or_refused(
    at: int, junk: bytes, remove: int
) -> None:
    body = forged_body(edit=lambda octets: octets[:at] + junk + octets[at + remove :])
    envelope = forged_envelope(body)

    result, failure = tried(lambda: read(envelope, body.octets))

    assert failure in DOCUMENTED or (result and result[1] == MESSAGE)


def test_a_full_chunk_followed_by_an_empty_final_one_is_refused() -> None:
    """One length of message has one body; an empty chunk would be a second."""
    body = forged_body(
        b"x" * (CHUNK_OCTETS - 1), cut=lambda padded: [(padded, TAG_MESSAGE), (b"", TAG_FINAL)]
    )

    with pytest.raises(Untrusted) as caught:
        read(forged_envelope(body), body.octets)

    assert caught.value.failure == "chunk"


def test_claims_are_readable_before_they_are_verified_and_are_called_claims() -> None:
    """The proof has to be judged in between, and it says whose key to verify with."""
    stranger = mail(sender=alice(proof=b"card"))

    opened = open_control(stranger.envelope, [BOB])

    assert opened.claimed.sender == "alice@a.example"
    assert opened.proof == b"card"
    with pytest.raises(Untrusted) as caught:
        verify_statement(opened, sign_pk=b"\2" * 32, my_pid=BOB_PID)
    assert caught.value.failure == "signature"


def test_the_signature_is_judged_before_the_recipient() -> None:
    opened = open_control(SENT.envelope, [BOB])

    with pytest.raises(Untrusted) as caught:
        verify_statement(opened, sign_pk=b"\2" * 32, my_pid=CAROL_PID)

    assert caught.value.failure == "signature"


def test_a_public_key_of_another_length_is_a_bad_signature_and_no_crash() -> None:
    opened = open_control(SENT.envelope, [BOB])

    with pytest.raises(Untrusted) as caught:
        verify_statement(opened, sign_pk=b"", my_pid=BOB_PID)

    assert caught.value.failure == "signature"


def test_the_newest_four_keys_are_tried_in_any_order_of_giving() -> None:
    keys = [epoch_secret(1, n) for n in (3, 1, 5, 2, 4)]
    to_second = mail(secrets=[epoch_secret(1, 2)])
    to_first = mail(secrets=[epoch_secret(1, 1)])

    assert to_second.opened(keys)[0].epoch.n == 2
    with pytest.raises(Untrusted) as caught:
        to_first.opened(keys)
    assert caught.value.failure == "no-packet"


def test_refusals_speak_to_a_person_and_hold_nothing_of_the_message() -> None:
    for case in MADE_ANEW:
        if case.outcome == OPENED:
            continue
        with pytest.raises(Untrusted) as caught:
            read(
                case.envelope.value,
                case.body.value,
                case.epochs,
                sign_pk=case.sign_pk,
                my_pid=case.my_pid,
            )

        sentence = str(caught.value)
        assert " " in sentence
        assert "alice" not in sentence
        assert "hello" not in sentence


def test_a_message_of_25_mib_costs_little_more_than_itself_in_each_direction() -> None:
    """No copy of the whole is made beside the result."""
    message = bytes(25 << 20)
    tracemalloc.start()
    try:
        sent = mail(message)
        sealing = tracemalloc.get_traced_memory()[1]
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        _, text = sent.opened()
        opening = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()

    assert text == message
    assert sealing < 1.3 * len(message)
    assert opening < 1.3 * len(message)


def test_a_body_under_another_statement_is_refused() -> None:
    """Two messages of one sender: statement and key of one do not open the body of the other."""
    other = mail(b"other", seed=b"other")
    opened, _ = SENT.opened()

    with pytest.raises(Untrusted) as caught:
        open_body(whole(other.body.octets), opened, opened.claimed)

    assert caught.value.failure == "body-commitment"
    assert hash_of_body(whole(other.body.octets)) != opened.claimed.body_hash


def test_the_example_of_the_page_is_what_a_reader_finds() -> None:
    [(case, opened)] = load("example")
    written = PAGE.read_text().replace("\n", "")

    assert yielded(case) == opened
    for name, octets in example_steps().items():
        if name != "control CBOR":
            assert octets.hex() in written, name


def outcome_of_page_reader(case: Case) -> str:
    try:
        page_read(
            case.envelope.value,
            case.body.value,
            [
                (key.n, bytes(key.private), key.xwing and xwing_seed(key.device_id, key.n))
                for key in case.epochs
            ],
            case.sign_pk,
            case.my_pid,
            is_canonical,
        )
    except PageRefusalError as refused:
        return str(refused)
    return OPENED


@pytest.mark.parametrize("case", [case for case, _ in VECTORS], ids=[c.name for c, _ in VECTORS])
def test_a_reader_written_from_the_page_alone_has_the_same_outcome(case: Case) -> None:
    assert outcome_of_page_reader(case) == case.outcome


@settings(max_examples=300, deadline=None)
@given(
    case=st.sampled_from([case for case, _ in VECTORS if len(case.body.value) < 10_000]),
    in_body=st.booleans(),
    at=st.integers(0),
    remove=st.integers(0, 3),
    insert=st.binary(max_size=3),
)
def test_both_readers_agree_on_whatever_arrives(
    case: Case, in_body: bool, at: int, remove: int, insert: bytes
) -> None:
    """The page is normative only if it says enough for two readers to name the same class."""
    before = case.body.value if in_body else case.envelope.value
    at %= len(before) + 1
    after = Octets(before[:at] + insert + before[at + remove :])
    altered = replace(case, body=after) if in_body else replace(case, envelope=after)

    assert outcome_of(altered) == outcome_of_page_reader(altered)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_both_readers_agree_on_whatever_is_sealed(data: st.DataObject) -> None:
    """The same, for a sender that seals nonsense at one layer and does the rest right."""

    def spoil(value: bytes) -> bytes:
        at = data.draw(st.integers(0, len(value)))
        remove = data.draw(st.integers(0, 2))
        return value[:at] + data.draw(st.binary(max_size=2)) + value[at + remove :]

    layer = data.draw(
        st.sampled_from(["encode_public", "encode_control", "encode_statement", "encode_outer"])
    )
    spoilt: dict[str, Any] = {layer: lambda value: spoil(cbor.encode(value))}
    envelope = forged_envelope(
        SENT.body,
        proof=b"card",
        statement=data.draw(st.sampled_from([as_is, as_door])),
        **spoilt,
    )
    case = Case("spoilt", "", "", Octets(envelope), Octets(whole(SENT.body.octets)))

    assert outcome_of(case) == outcome_of_page_reader(case)
