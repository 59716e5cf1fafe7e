"""What two people compare.  Identity §6 and §12."""

import pytest

from mx_core.model.errors import Untrusted
from mx_core.model.ids import Pid
from mx_core.trust.fingerprint import Shown, fingerprint, safety_words, words

GOLDEN = Pid(bytes.fromhex("d03ed521e1b376057638a5abbcc2b7e2de57d007c0950d651552a375bca3eedb"))
LIST = [f"w{n}" for n in range(2048)]
SHOWN = Shown(GOLDEN, Pid(bytes(32)), 7, bytes(range(32)))


def test_the_golden_passport_has_the_golden_fingerprint() -> None:
    assert fingerprint(GOLDEN).hex() == "803ce01107454c0623a7a9"


def test_words_are_the_bits_eleven_at_a_time() -> None:
    assert words(bytes.fromhex("ffe00000000000000000" + "01"), LIST) == (
        *("w2047", "w0", "w0", "w0", "w0", "w0", "w0"),
        "w1",
    )


def test_both_people_read_the_same_sixteen_words() -> None:
    other = Pid(bytes(32))
    read = safety_words(GOLDEN, other, LIST)

    assert read == safety_words(other, GOLDEN, LIST)
    assert read[8:] == words(fingerprint(GOLDEN), LIST)


def test_a_code_says_what_was_put_into_it() -> None:
    assert Shown.read(SHOWN.text()) == SHOWN
    assert SHOWN.text().startswith("MXV1:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MXV1:",
        "MXV2:" + SHOWN.text()[5:],
        SHOWN.text()[:-8],
        SHOWN.text() + "AAAAAAAA",
        SHOWN.text().replace("A", "1"),
        "https://a.example",
    ],
)
def test_another_code_is_refused(text: str) -> None:
    with pytest.raises(Untrusted) as refused:
        Shown.read(text)
    assert refused.value.failure == "qr"
