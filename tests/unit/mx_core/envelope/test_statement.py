"""S: what is said is read, and each kind has exactly its own keys."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.envelope.statement import DoorRecord, Kind, PersonSender, Statement, hash_of_ext
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.notation.hashing import b2
from tests.support.envelope import DOOR_RECORD, mail
from tests.support.refusal import tried

digests = st.binary(min_size=32, max_size=32)
ids = st.binary(min_size=16, max_size=16)
numbers = st.integers(0, 2**64 - 1)
words = st.text(max_size=20).map(lambda text: text.encode("ascii", "ignore").decode())
persons = st.builds(PersonSender, pid=digests, device_id=ids, seq=numbers, head=digests)
records = st.builds(
    DoorRecord,
    domain=words,
    mail_from=words,
    rcpt_to=words,
    peer_ip=words,
    helo=words,
    tls=st.booleans(),
    spf=words,
    dkim=st.lists(st.tuples(words, words), max_size=3).map(tuple),
    dmarc=words,
    received=numbers,
)
common = {
    "msg_id": ids,
    "recipient_pid": digests,
    "created": numbers,
    "deliver_by": numbers,
    "body_commit": digests,
    "body_hash": digests,
    "length": numbers,
    "text_hash": digests,
    "suite": numbers,
    "ctx": digests,
    "ext_hash": digests,
}
by_persons = st.builds(
    Statement,
    sender=st.sampled_from(["alice@a.example", "zoë@xn--bcher-kva.example"]),
    kind=st.sampled_from([Kind.MAIL, Kind.CONTROL, Kind.RECEIPT]),
    by=persons,
    **common,
)
by_doors = st.builds(Statement, sender=st.just(""), kind=st.just(Kind.DOOR), by=records, **common)

SAID = mail().opened()[0].claimed
PERSON_KEYS = set(range(17))
DOOR_KEYS = PERSON_KEYS - {2, 3, 13, 14} | {17}


def value_of(statement: Statement) -> dict[int, Any]:
    value = cbor.decode(statement.encode())
    assert isinstance(value, dict)
    return value


def by_door() -> Statement:
    return replace(SAID, kind=Kind.DOOR, sender="", by=DOOR_RECORD)


def failure_of(value: dict[int, Any]) -> str:
    with pytest.raises(Untrusted) as caught:
        Statement.decode(cbor.encode(value))
    return caught.value.failure


@given(statement=by_persons | by_doors)
def test_what_is_said_is_read(statement: Statement) -> None:
    assert Statement.decode(statement.encode()) == statement


@pytest.mark.parametrize("kind", [Kind.MAIL, Kind.CONTROL, Kind.RECEIPT])
def test_a_person_says_all_keys_but_the_doors(kind: Kind) -> None:
    value = value_of(replace(SAID, kind=kind))

    assert set(value) == PERSON_KEYS
    for key in PERSON_KEYS:
        missing = {k: v for k, v in value.items() if k != key}
        assert failure_of(missing) == "format"
    assert failure_of({**value, 17: DOOR_RECORD.to_value()}) == "format"
    assert failure_of({**value, 18: 0}) == "format"


def test_a_door_says_what_it_saw_and_nothing_of_a_person() -> None:
    value = value_of(by_door())

    assert set(value) == DOOR_KEYS
    for key in DOOR_KEYS:
        missing = {k: v for k, v in value.items() if k != key}
        assert failure_of(missing) == "format"
    for key in (2, 3, 13, 14):
        assert failure_of({**value, key: value_of(SAID)[key]}) == "format"


@pytest.mark.parametrize("key", sorted(PERSON_KEYS))
def test_each_field_has_one_type_and_length(key: int) -> None:
    value = value_of(SAID)
    wrong = {bytes: [b"", value[key] + b"x"] if isinstance(value[key], bytes) else []}
    kinds: list[Any] = [True, [], {}, "no address"]
    others = [other for other in kinds if key != 1 or other != "no address"]

    for other in [*others, *wrong[bytes], b"x" if not isinstance(value[key], bytes) else 1]:
        assert failure_of({**value, key: other}) == "format"


@pytest.mark.parametrize("key", range(10))
def test_each_field_of_the_doors_record_has_one_type(key: int) -> None:
    value = value_of(by_door())
    record = value[17]
    wrong = 1 if not isinstance(record[key], int) or isinstance(record[key], bool) else "1"

    assert failure_of({**value, 17: {**record, key: wrong}}) == "format"
    assert failure_of({**value, 17: {k: v for k, v in record.items() if k != key}}) == "format"


@pytest.mark.parametrize(
    "dkim", [[["a.example"]], [["a.example", "pass", "x"]], [["a.example", 1]], ["a.example"]]
)
def test_dkim_results_are_pairs_of_texts(dkim: list[Any]) -> None:
    value = value_of(by_door())

    assert failure_of({**value, 17: {**value[17], 7: dkim}}) == "format"


@pytest.mark.parametrize("kind", [0, 5, 2**64 - 1])
def test_an_unknown_kind_has_a_class_of_its_own(kind: int) -> None:
    assert failure_of({**value_of(SAID), 15: kind}) == "kind"


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Alice@a.example",
        "alice+x@a.example",
        "alice@A.example",
        "alice",
        "a@bücher.example",
        "@a.example",
        "a b@a.example",
    ],
)
def test_a_sender_stands_in_canonical_form(sender: str) -> None:
    assert failure_of({**value_of(SAID), 1: sender}) == "format"


@settings(max_examples=300)
@given(statement=by_persons, at=st.integers(0), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_is_another_statement_or_refused_and_nothing_else(
    statement: Statement, at: int, octet: bytes
) -> None:
    octets = statement.encode()
    at %= len(octets)
    wrong = octets[:at] + octet + octets[at + 1 :]

    read, failure = tried(lambda: Statement.decode(wrong))

    if read is None:
        assert failure in {"canonical", "format", "kind"}
    else:
        assert read.encode() == wrong


def test_an_absent_proof_or_ext_counts_as_a_part_of_length_zero() -> None:
    assert hash_of_ext(None, None) == b2("MX1.ext", [b"", b""])
    assert hash_of_ext(b"p", None) == b2("MX1.ext", [b"p", b""])
    assert hash_of_ext(None, b"p") != hash_of_ext(b"p", None)
