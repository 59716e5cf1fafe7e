"""One mail program that changes one message after the other, and a server that is killed: all is there.

What was answered a moment ago is in the redo log and not in the database; the next start makes it again.
"""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.side_by_side.line import Line, Refused
from bench.side_by_side.servers import Own, login

_MESSAGES = 30


class _Patient(Own):
    """The door to the store, however slow the disk is."""

    program = "tests.crash.patient_door"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Own]:
    made = _Patient(tmp_path)
    made.start()
    yield made
    made.stop()


def _octets(number: int) -> bytes:
    return b"Subject: m%d\r\n\r\n%b" % (number, b"text\r\n" * (number * 37 % 900))


def _append(line: Line, number: int) -> bytes:
    """Append as most programs do, which wait until the message is asked for; return the answer."""
    octets, tag = _octets(number), line.tag()
    line.sock.sendall(b"%b APPEND INBOX {%d}\r\n" % (tag, len(octets)))
    line.read_line()
    line.sock.sendall(octets + b"\r\n")
    return line.wait(tag)


def _redo_log(folder: Path) -> bytes:
    [found] = folder.rglob("mail.db-redo")
    return found.read_bytes()


def _kill(server: Own) -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.stop()


def test_what_one_program_was_told_is_there_after_a_kill(server: Own, tmp_path: Path) -> None:
    with login(server) as line:
        line.ask("SELECT INBOX")
        for number in range(_MESSAGES):
            answer = _append(line, number)
            assert re.search(rb"OK \[APPENDUID \d+ %d\]" % (number + 1), answer), answer
        for number in range(1, _MESSAGES + 1):
            line.ask(f"STORE {number} +FLAGS ($kept{number} \\Seen)")
            if number % 3 == 0:
                line.ask(f"STORE {number} -FLAGS (\\Seen)")
        highest = re.findall(rb"HIGHESTMODSEQ (\d+)", line.ask("STATUS INBOX (HIGHESTMODSEQ)"))
        line.ask("STORE 1 +FLAGS ($last)")
        _kill(server)
    assert _redo_log(tmp_path)[:4] != bytes(4), "something was not committed"

    server.start()
    assert set(_redo_log(tmp_path)) == {0}, "and it was made again"
    with login(server) as line:
        line.ask("SELECT INBOX")
        flags = line.ask("FETCH 1:* (FLAGS)")
        for number in range(1, _MESSAGES + 1):
            [found] = re.findall(rb"\* %d FETCH \(FLAGS \((.*)\)\)" % number, flags)
            assert b"$kept%d" % number in found.split()
            assert (b"\\Seen" in found) is (number % 3 != 0)
            assert (b"$last" in found) is (number == 1)
        told = line.ask("FETCH 1:* (BODY.PEEK[])")
        for number in range(_MESSAGES):
            octets = _octets(number)
            assert b"* %d FETCH (BODY[] {%d}\r\n%b)" % (number + 1, len(octets), octets) in told
        now = re.findall(rb"HIGHESTMODSEQ (\d+)", line.ask("STATUS INBOX (HIGHESTMODSEQ)"))
        assert int(now[0]) == int(highest[0]) + 1, "no modseq was given out twice, and none skipped"
        assert re.search(rb"APPENDUID \d+ %d\]" % (_MESSAGES + 1), _append(line, 99))


def test_killed_again_and_again_in_the_middle_of_it_nothing_is_lost(server: Own) -> None:
    kept = 0
    for life in range(4):
        if life:
            server.start()
        with login(server) as line:
            found = re.findall(rb"\* (\d+) EXISTS", line.ask("SELECT INBOX"))
            assert int(found[0]) == kept
            for _ in range(5 + life):
                assert re.search(rb"APPENDUID \d+ %d\]" % (kept + 1), _append(line, kept))
                kept += 1
            _kill(server)
    server.start()
    with login(server) as line:
        line.ask("SELECT INBOX")
        told = line.ask("FETCH 1:* (BODY.PEEK[])")
    for number in range(kept):
        assert (
            b"* %d FETCH (BODY[] {%d}\r\n%b)"
            % (
                number + 1,
                len(_octets(number)),
                _octets(number),
            )
            in told
        )


def test_killed_where_the_log_has_it_and_nobody_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failpoint ``redo``: the third change is durable, and its program hears nothing."""
    server = _Patient(tmp_path)
    monkeypatch.setenv("MX_FAILPOINT", "redo:3")
    server.start()
    monkeypatch.delenv("MX_FAILPOINT")
    told = 0
    with login(server) as line, contextlib.suppress(Refused):  # the line ends
        line.ask("SELECT INBOX")
        while told < 20:
            _append(line, told)
            told += 1
    server.stop()

    assert told < 20
    server.start()
    try:
        with login(server) as line:
            found = re.findall(rb"\* (\d+) EXISTS", line.ask("SELECT INBOX"))
    finally:
        server.stop()
    assert int(found[0]) == told + 1
