"""No octets make the decoder do more work than reading them once.  Spec/notation §1."""

import pytest

from mx_core.model.errors import Untrusted
from mx_core.notation import cbor


def sharing(levels: int, width: int) -> bytes:
    """Return arrays that each hold the one before *width* times, by the shared-value tags."""
    head = b"\xd8\x1c" + bytes([0x80 + width])
    rows = [b"\xd8\x1c\x80"]
    rows += [head + (b"\xd8\x1d" + bytes([level])) * width for level in range(levels)]
    return bytes([0x80 + len(rows)]) + b"".join(rows)


@pytest.mark.timeout(5)
def test_shared_values_cannot_stand_for_more_items_than_there_are_octets() -> None:
    """Walking 23^12 items would never end."""
    with pytest.raises(Untrusted) as refused:
        cbor.decode(sharing(12, 23))

    assert refused.value.failure == "canonical"


@pytest.mark.parametrize(
    "encoded",
    [
        "d8236128",  # a regular expression
        "d8235b5b5b305d5d",
        "d82460",  # a MIME message
        "c4821b7fffffffffffffff01",  # a decimal fraction with a huge exponent
        "c1fb7ff0000000000000",  # infinity as a date
        "d81e820100",  # a rational over zero
        "d90102820102",  # a set
    ],
)
def test_a_tag_is_refused_before_anything_acts_on_it(encoded: str) -> None:
    with pytest.raises(Untrusted) as refused:
        cbor.decode(bytes.fromhex(encoded))

    assert refused.value.failure == "canonical"
