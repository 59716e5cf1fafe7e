"""APPENDs sent without waiting, and the server killed between two answers: what was answered is there."""

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest

from bench.side_by_side.servers import Own, login

_SENT = 200


def _append(number: int) -> bytes:
    octets = b"Subject: m%d\r\n\r\n%b" % (number, b"text\r\n" * (number * 37 % 900))
    return b"b%d APPEND INBOX {%d+}\r\n%b\r\n" % (number, len(octets), octets)


def _heard_until_killed(server: Own, count: int) -> list[bytes]:
    """Send all, kill the server once *count* are answered, and return every answer that it gave."""
    heard = b""
    with login(server) as line:
        line.sock.sendall(b"".join(map(_append, range(_SENT))))
        while heard.count(b"\r\n") < count:
            heard += line.sock.recv(65_536)
        os.kill(server.pid, signal.SIGKILL)
        with contextlib.suppress(ConnectionError):
            while octets := line.sock.recv(65_536):
                heard += octets
    return heard.split(b"\r\n")[:-1]


@pytest.mark.parametrize("answers", [1, 20, 90])
def test_what_was_answered_is_there_and_the_rest_is_whole_and_in_order(
    tmp_path: Path, answers: int
) -> None:
    server = Own(tmp_path)
    server.start()
    heard = _heard_until_killed(server, answers)
    server.stop()

    assert len(heard) >= answers
    for number, answer in enumerate(heard):
        assert re.match(rb"b%d OK \[APPENDUID \d+ %d\]" % (number, number + 1), answer), answer

    server.start()
    try:
        with login(server) as again:
            found = again.ask("SELECT INBOX")
            [exists] = re.findall(rb"\* (\d+) EXISTS", found)
            kept = int(exists)
            assert len(heard) <= kept <= _SENT
            told = again.ask("FETCH 1:* (BODY.PEEK[])")
    finally:
        server.stop()
    for number in range(kept):
        octets = _append(number).partition(b"\r\n")[2][:-2]
        assert b"* %d FETCH (BODY[] {%d}\r\n%b)" % (number + 1, len(octets), octets) in told
