"""The TXT record."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.txt import TxtRecord, key_text, parse_key, parse_records, render_record
from mx_core.model.errors import Untrusted

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
K, K2 = key_text(KEY), key_text(OTHER)
HELLO = Endpoint("mailx.example.com", 8443)
E = "e=https://mailx.example.com:8443"
URL_SAFE = base64.urlsafe_b64encode(b"\xff" * 32).decode()


def test_a_record_says_keys_and_endpoint() -> None:
    record = parse_records([f"v=mailx1; k={K}; {E}"])

    assert record == TxtRecord((KEY,), HELLO)


@given(
    keys=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4, unique=True),
    host=st.sampled_from(["a.example", "192.0.2.1", "2001:db8::1"]),
    port=st.integers(1, 65_535),
)
def test_what_is_rendered_is_parsed_again(keys: list[bytes], host: str, port: int) -> None:
    record = TxtRecord(tuple(keys), Endpoint(host, port))

    assert parse_records([render_record(record)]) == record


@pytest.mark.parametrize(
    "text",
    [
        f"v=mailx1;k={K};{E}",
        f"v=mailx1 ;  k = {K} ; {E} ;",
        f"v=mailx1; k={K.rstrip('=')}; {E}",
        f"v=mailx1; x=new; k={K}; {E}; y",
        f"v=mailx1; k={K}; k={K}; {E}",
    ],
)
def test_spaces_padding_and_unknown_tags_do_not_matter(text: str) -> None:
    assert parse_records([text]) == TxtRecord((KEY,), HELLO)


def test_two_keys_stand_in_order() -> None:
    record = parse_records([f"v=mailx1; k={K2}; k={K}; {E}"])

    assert record is not None
    assert record.keys == (OTHER, KEY)


@pytest.mark.parametrize(
    "texts",
    [[], ["v=spf1 -all"], ["v=mailx2; k=x"], [f"k={K}; v=mailx1; {E}"], [""], ["v=mailx10; k=x"]],
)
def test_other_records_are_not_ours(texts: list[str]) -> None:
    assert parse_records(texts) is None


def test_other_records_beside_ours_do_not_matter() -> None:
    assert parse_records(["v=spf1 -all", f"v=mailx1; k={K}; {E}"]) is not None


@pytest.mark.parametrize(
    "text",
    [
        "v=mailx1",
        f"v=mailx1; k={K}",
        f"v=mailx1; {E}",
        f"v=mailx1; k={K}; {E}; {E}",
        f"v=mailx1; v=mailx1; k={K}; {E}",
        f"v=mailx1; k=rsa:{K}; {E}",
        f"v=mailx1; k={K[8:]}; {E}",
        f"v=mailx1; k={K}=; {E}",
        f"v=mailx1; k={K[:-3]}; {E}",
        f"v=mailx1; k=ed25519:{URL_SAFE}; {E}",
        f"v=mailx1; k={K}; e=http://mailx.example.com:8443",
        f"v=mailx1; k={K}; e=https://mailx.example.com",
        f"v=mailx1; k={K}; e=https://mailx.example.com:8443/",
        f"v=mailx1; k={K}; e=https://user@mailx.example.com:8443",
        f"v=mailx1; k={K}; e=https://mailx.example.com:0",
        f"v=mailx1; k={K}; e=https://mailx.example.com:65536",
        f"v=mailx1; k={K}; e=https://MAILX.example.com:8443",
        f"v=mailx1; k={K}; e=https://:8443",
        f"v=mailx1; {E}; " + "; ".join(f"k={key_text(bytes([n]) * 32)}" for n in range(5)),
        f"v=mailx1; k={K}; {E}; x={'y' * 3_000}",
    ],
)
def test_a_record_that_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Untrusted) as refused:
        parse_records([text])

    assert refused.value.failure == "txt"


def test_two_records_of_ours_are_refused() -> None:
    with pytest.raises(Untrusted):
        parse_records([f"v=mailx1; k={K}; {E}", f"v=mailx1; k={K2}; {E}"])


def test_base64_has_one_spelling() -> None:
    spelled = key_text(b"\xff" * 32)
    assert parse_key(spelled) == b"\xff" * 32

    with pytest.raises(Untrusted):
        parse_key(spelled[:-2] + "9=")  # the same octets, stray bits set


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(Untrusted):
        parse_records(["v=mailx1;" + text])
