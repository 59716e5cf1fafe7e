"""Which lines are delimiters, and where a part ends.  RFC 2046 §5.1."""

from __future__ import annotations

import pytest

from mx_core.mime.limits import DEPTH_MAX, HEADER_OCTETS_MAX, PARTS_MAX
from mx_core.mime.structure import Node, Scan

MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def bodies(octets: bytes) -> list[bytes]:
    root = Scan(octets).root
    return [octets[child.body_start : child.end] for child in root.children]


def test_the_line_break_before_a_delimiter_belongs_to_the_delimiter() -> None:
    assert bodies(MIXED + b"--b\r\n\r\none\r\n\r\n--b\r\n\r\ntwo\r\n--b--\r\n") == [
        b"one\r\n",
        b"two",
    ]


def test_bare_line_feeds_end_lines_as_well() -> None:
    octets = MIXED.replace(b"\r", b"") + b"--b\n\none\n--b\n\ntwo\n--b--\n"

    assert bodies(octets) == [b"one", b"two"]


def test_preamble_and_epilogue_are_of_no_part() -> None:
    assert bodies(MIXED + b"pre\r\n--b\r\n\r\none\r\n--b--\r\nepi\r\n--b\r\n\r\nlate\r\n") == [
        b"one"
    ]


def test_a_part_that_is_not_closed_reaches_to_the_end() -> None:
    assert bodies(MIXED + b"--b\r\n\r\none\r\n") == [b"one\r\n"]


def test_an_outer_delimiter_ends_all_inside_it() -> None:
    inner = b"--b\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\ndeep\r\n"
    root = Scan(MIXED + inner + b"--b\r\n\r\nlast\r\n--b--\r\n").root

    assert len(root.children) == 2
    assert len(root.children[0].children) == 1
    assert root.children[0].end == root.children[0].children[0].end


def test_the_longest_fitting_delimiter_is_meant() -> None:
    inner = (
        b"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb--\r\n"
    )
    root = Scan(MIXED + inner + b"--b\r\n\r\ntwo\r\n--b--\r\n").root

    assert [len(child.children) for child in root.children] == [1, 0]


def test_an_inner_delimiter_that_is_the_whole_line_wins_over_a_longer_outer_one() -> None:
    outer = b"Content-Type: multipart/mixed; boundary=b--\r\n\r\n"
    inner = b"--b--\r\n" + MIXED + b"--b\r\n\r\none\r\n--b--\r\nepilogue\r\n"
    root = Scan(outer + inner).root

    assert [len(child.children) for child in root.children] == [1]


def test_an_empty_line_before_a_delimiter_is_no_body() -> None:
    octets = MIXED + b"--b\r\nX: y\r\n\r\n--b--\r\n"
    part = Scan(octets).root.children[0]

    assert octets[part.header_start : part.body_start] == b"X: y\r\n"
    assert part.body_start == part.end


def test_a_delimiter_cuts_a_header_short() -> None:
    octets = MIXED + b"--b\r\nX: y\r\n--b--\r\n"
    part = Scan(octets).root.children[0]

    assert octets[part.header_start : part.end] == b"X: y"


@pytest.mark.parametrize("header", [b"", b"MIME-Version: 1.0\r\n", b"X: y\r\n"])
def test_a_part_of_a_digest_without_a_type_is_a_message(header: bytes) -> None:
    digest = MIXED.replace(b"mixed", b"digest")
    root = Scan(digest + b"--b\r\n" + header + b"\r\nSubject: in\r\n\r\nx\r\n--b--\r\n").root

    assert root.children[0].message
    assert [field.name for field in root.children[0].children[0].fields] == [b"subject"]


def test_a_message_cut_short_holds_an_empty_message() -> None:
    root = Scan(MIXED + b"--b\r\nContent-Type: message/rfc822\r\n--b--\r\n").root
    inner = root.children[0].children[0]

    assert inner.header_start == inner.body_start == inner.end == root.children[0].end


def depth(node: Node) -> int:
    return 1 + max(map(depth, node.children), default=0)


@pytest.mark.parametrize(
    "level",
    [
        b"Content-Type: message/rfc822; x=%03d; y=%d\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b%03d\r\n\r\n--b%03d\r\n",
    ],
)
def test_nesting_beyond_the_limit_is_an_opaque_leaf(level: bytes) -> None:
    octets = b"".join(level % (n, n) for n in range(100))
    root = Scan(octets).root
    node = root
    while node.children:
        node = node.children[-1]

    assert depth(root) == DEPTH_MAX
    assert node.opaque
    assert node.end == len(octets)


def test_parts_beyond_the_limit_stay_in_the_last_one() -> None:
    octets = MIXED + b"--b\r\n\r\nx\r\n" * 2_000
    root = Scan(octets).root

    assert len(root.children) == PARTS_MAX - 1
    assert root.children[-1].end == len(octets)


def test_messages_beyond_the_limit_of_parts_are_opaque() -> None:
    part = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n"
    root = Scan(MIXED + part * 1_000).root

    assert root.children[-1].opaque or root.children[-1].children
    assert sum(1 + len(child.children) for child in root.children) < PARTS_MAX


def test_headers_beyond_the_limit_of_all_headers_are_opaque() -> None:
    filler = b"X: " + b"v" * HEADER_OCTETS_MAX + b"\r\n"
    root = Scan(filler + MIXED + b"--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n").root
    late = Scan(
        MIXED + b"--b\r\n" + filler + b"\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n"
    ).root

    assert not root.children
    assert [child.opaque for child in late.children] == [False, True]


def test_lines_are_compared_once_and_delimiters_at_most_once_a_length() -> None:
    lines = 1_000
    few = Scan(MIXED + b"--bx\r\n" * lines)

    assert few.looks <= 2 * lines + 2


@pytest.mark.parametrize("length", [5_000, *range(65_520, 65_545)])
@pytest.mark.parametrize("dashes", [b"", b"\r\n--", b"\r\n--o"])
@pytest.mark.parametrize("end", [b"\r\n\r\nbody", b"\n\nbody", b"\r\n--of", b"\n--of"])
def test_a_long_header_ends_at_its_empty_line_or_at_a_delimiter_wherever_they_stand(
    length: int, dashes: bytes, end: bytes
) -> None:
    top = b"Content-Type: multipart/mixed; boundary=of\r\n\r\n--of\r\n"
    long = b"X: " + b"y" * length + dashes
    root = Scan(top + long + end + b"\r\n--of--\r\n").root

    part = root.children[0]
    cut = b"--of" in end
    assert (part.body_start, part.end) == (
        (len(top + long), len(top + long))
        if cut
        else (len(top + long + end) - 4, len(top + long + end))
    )
    assert len(root.children) == 1 + cut
