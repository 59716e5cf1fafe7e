import os
from pathlib import Path

import pytest

from gateway.migration.local import mbox
from gateway.migration.local.mbox import is_mbox, read, received_at
from gateway.migration.source import Found, Trouble
from mx_core.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flag
from tests.support import old_mail
from tests.support.old_mail import letter

AT = 1795262400  # Sat Nov 21 12:00:00 2026 UTC


def octets_of(path: Path) -> list[bytes]:
    return [each.octets if isinstance(each, Found) else b"?" for each in read(path)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_every_letter_comes_back_as_it_was(tmp_path: Path, line_end: bytes) -> None:
    letters = [
        letter(1),
        letter(2, body="one\r\n\r\nFrom here\r\n>From there\r\n>>From afar\r\nFrom\r\n"),
        letter(3, body=""),
        letter(4, body="\r\n\r\n\r\n"),
        letter(5, body="no line end"),
    ]
    letters[4] += b"\r\n"  # an mbox can not tell
    path = old_mail.mbox(tmp_path / "Sent", letters, line_end)

    assert octets_of(path) == letters


def test_a_from_line_tells_when_a_letter_came(tmp_path: Path) -> None:
    [found] = read(old_mail.mbox(tmp_path / "a", [letter(1)]))

    assert isinstance(found, Found)
    assert found.received == AT


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b"From a@b Sat Nov 21 12:00:00 2026", AT),
        (b"From a@b Sat Nov 21 12:00:00 UTC 2026", AT),
        (b"From - Sat Nov  7 12:00:00 2026", AT - 14 * 86400),
        (b"From a@b Sat Foo 21 12:00:00 2026", None),
        (b"From a@b Sat Nov 99 12:00:00 2026", None),
        (b"From nobody knows when", None),
    ],
)
def test_dates_of_from_lines(line: bytes, at: int | None) -> None:
    assert received_at(line) == at


def test_only_a_from_line_behind_an_empty_line_begins_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "loose"
    path.write_bytes(b"From a\nSubject: 1\n\ntext\nFrom the middle\n\nFrom b\nSubject: 2\n\nx\n")

    assert octets_of(path) == [
        b"Subject: 1\r\n\r\ntext\r\nFrom the middle\r\n",
        b"Subject: 2\r\n\r\nx\r\n",
    ]


def test_what_stands_before_the_first_from_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "torn"
    path.write_bytes(b"half a letter\n\nFrom a\nSubject: 1\n\n")

    assert [type(each) for each in read(path)] == [Trouble, Found]


def test_a_letter_that_is_too_large_is_told_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MESSAGE_OCTETS_MAX", 2_000)
    monkeypatch.setattr(mbox, "_LINE_MAX", 100)
    path = old_mail.mbox(tmp_path / "a", [letter(1, body="x" * 9_000 + "\r\n"), letter(2)])

    trouble, found = read(path)
    assert isinstance(trouble, Trouble)
    assert trouble.where == f"{path}, octet 0"
    assert "is larger than" in trouble.why
    assert isinstance(found, Found)
    assert found.octets == letter(2)


def test_a_piece_of_an_endless_line_begins_no_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "_LINE_MAX", 10)
    path = tmp_path / "a"
    path.write_bytes(b"From a\n\n" + b"\n" + b"0123456789From b\n")

    assert octets_of(path) == [b"\r\n\r\n0123456789From b\r\n"]


@pytest.mark.parametrize(("start", "yes"), [(b"From a", True), (b"", True), (b"Subject: x", False)])
def test_a_file_is_known_by_its_first_octets(tmp_path: Path, start: bytes, yes: bool) -> None:
    (tmp_path / "x").write_bytes(start)

    assert is_mbox(tmp_path / "x") is yes


def test_a_pipe_and_a_link_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")

    assert not is_mbox(tmp_path / "pipe")
    assert not is_mbox(tmp_path / "link")
    assert [type(each) for each in read(tmp_path / "pipe")] == [Trouble]


def test_thunderbird_lines_become_flags_and_go(tmp_path: Path) -> None:
    path = tmp_path / "Inbox"
    path.write_bytes(
        b"From - Sat Nov 21 12:00:00 2026\nX-Mozilla-Status: 1007\nX-Mozilla-Status2: 00000000\n"
        b"X-Mozilla-Keys: $label1 work                 \n" + letter(1).replace(b"\r\n", b"\n")
    )

    [found] = read(path)
    assert isinstance(found, Found)
    assert found.octets == letter(1)
    assert found.flags == {
        SEEN, ANSWERED, FLAGGED, Flag("$Forwarded"), Flag("$label1"), Flag("work"),
    }  # fmt: skip


def test_what_thunderbird_has_not_compacted_away_yet_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "Inbox"
    path.write_bytes(b"From -\nX-Mozilla-Status: 0009\nSubject: x\n\n")

    [found] = read(path)
    assert isinstance(found, Found)
    assert found.flags == {SEEN, DELETED}


def test_status_lines_of_others_are_read_and_stay(tmp_path: Path) -> None:
    more = "Status: RO\r\nX-Status: AF\r\nX-Keywords: later\r\n"
    [found] = read(old_mail.mbox(tmp_path / "a", [letter(1, more=more, body="Status: D\r\n")]))

    assert isinstance(found, Found)
    assert found.flags == {SEEN, ANSWERED, FLAGGED, Flag("later")}
    assert found.octets == letter(1, more=more, body="Status: D\r\n")


@pytest.mark.parametrize("keyword", ["a{b", "a*", "ü", "\\Seen", '"', "a]"])
def test_what_is_no_keyword_is_no_flag(tmp_path: Path, keyword: str) -> None:
    [found] = read(old_mail.mbox(tmp_path / "a", [letter(1, more=f"X-Keywords: {keyword}\r\n")]))

    assert isinstance(found, Found)
    assert found.flags == frozenset()
