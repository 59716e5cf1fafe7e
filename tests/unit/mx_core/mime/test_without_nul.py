"""Binary parts that hold NUL become base64; no other octet changes."""

from mx_core.mime import part_map, transfer_encoding
from mx_core.mime.prepare import prepare
from mx_core.mime.without_nul import without_nul

LEAF = b"Content-Type: image/png\r\nContent-Transfer-Encoding: BINARY\r\n\r\n"


def test_a_message_without_nul_stays_as_it_is() -> None:
    octets = LEAF + b"\xff\r\n"

    assert without_nul(octets) is octets


def test_a_binary_part_becomes_base64_and_says_so() -> None:
    assert without_nul(LEAF + b"\0\xe4\r\n") == (
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAOQNCg==\r\n"
    )


def test_only_the_parts_that_need_it_change() -> None:
    octets = (
        b"Subject: binary\r\nContent-Type: multipart/mixed; boundary=x\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n--x\r\n"
        + LEAF
        + b"no\r\n--x\r\n"
        + LEAF
        + b"\0" * 60
        + b"\r\n--x--\r\nepilogue\r\n"
    )

    made = without_nul(octets)

    assert made is not None
    before, after = part_map.decode(prepare(octets).parts), part_map.decode(prepare(made).parts)
    assert made[: after.children[1].header_start] == octets[: before.children[1].header_start]
    last = after.children[1]
    assert last.encoding == "base64"
    assert transfer_encoding.base64(made[last.body_start : last.end]) == b"\0" * 60
    assert max(map(len, made.splitlines())) == 76
    assert made.endswith(b"\r\n--x--\r\nepilogue\r\n")


def test_a_nul_elsewhere_can_not_be_kept() -> None:
    assert without_nul(b"Subject: a\0b\r\n\r\n") is None
    assert without_nul(b"\r\n\0") is None
    assert without_nul(b"X: \0\r\n" + LEAF + b"\0") is None
