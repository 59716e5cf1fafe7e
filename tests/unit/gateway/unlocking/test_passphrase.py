"""A master key comes out with its passphrase only, whatever happens to the file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.unlocking.passphrase import seal, unseal
from mx_core.model.errors import BadConfiguration, BadCredentials, MailError, Refused
from mx_core.model.secret import Secret
from mx_core.notation import cbor

KEY, WORDS = Secret(b"k" * 32), Secret("correct horse battery")
CHEAP = {"passes": 1, "memory": 8192 * 1024}
SEALED = seal(KEY, WORDS, **CHEAP)


def test_the_passphrase_opens_what_it_sealed() -> None:
    assert unseal(SEALED, WORDS).reveal() == KEY.reveal()
    assert KEY.reveal() not in SEALED


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(BadCredentials, match="not the passphrase"):
        unseal(SEALED, Secret("correct horse batterz"))


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(Refused, match="at least 8"):
        seal(KEY, Secret("short"), **CHEAP)


def test_a_file_may_not_ask_for_more_memory_than_there_is() -> None:
    fields = cbor.decode(SEALED)
    assert isinstance(fields, dict)
    with pytest.raises(BadConfiguration, match="damaged"):
        unseal(cbor.encode({**fields, 2: 1 << 40}), WORDS)


_SALT: int = 13  # where it begins; passes and memory before it may cost minutes, or mean the same


@settings(max_examples=30)
@given(where=st.integers(_SALT, len(SEALED) - 1), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_is_an_error_of_ours(where: int, octet: bytes) -> None:
    wrong = SEALED[:where] + octet + SEALED[where + 1 :]
    if wrong == SEALED:
        return
    with pytest.raises(MailError):
        unseal(wrong, WORDS)
