"""The command line of sendmail, and what it leaves on the disk."""

import io
import os
import sys
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from gateway.cli import sendmail
from gateway.directories import directories
from gateway.spool.folder import Spool
from gateway.spool.letter import Letter, opened

KEY = PrivateKey(bytes(range(32)))
TEXT = b"From: a@a.example\nTo: Bob <b@b.example>, c@c.example\nBcc: d@d.example\n\nhello\n"


def run(home: Path, octets: bytes, *words: str) -> int:
    """Call it as mutt does; return the exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))
        patch.setattr(sys, "argv", ["mx-sendmail", "--home", str(home), *words])
        with pytest.raises(SystemExit) as ended:
            sendmail.main()
    code = ended.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Spool(directories(tmp_path).spool).publish(KEY.public_key)
    return tmp_path


def letters(home: Path) -> list[Letter]:
    spool = Spool(directories(home).spool)
    return [opened(spool.get(name), KEY) for name in spool.names()]


@pytest.mark.parametrize(
    ("words", "sender", "recipients"),
    [
        (
            ("-oem", "-oi", "-f", "a@a.example", "--", "b@b.example"),
            "a@a.example",
            ("b@b.example",),
        ),
        (("-i", "b@b.example", "c@c.example"), "", ("b@b.example", "c@c.example")),
        (("-fa@a.example", "-F", "Alice", "-bm", "b@b.example"), "a@a.example", ("b@b.example",)),
        (("-t", "-i"), "", ("b@b.example", "c@c.example", "d@d.example")),
    ],
)
def test_without_a_daemon_the_message_waits_sealed_and_0_is_returned(
    home: Path, words: tuple[str, ...], sender: str, recipients: tuple[str, ...]
) -> None:
    assert run(home, TEXT, *words) == os.EX_OK
    [letter] = letters(home)
    assert (letter.sender, letter.recipients) == (sender, recipients)
    assert letter.octets == TEXT.replace(b"\n", b"\r\n")
    for path in home.rglob("*"):
        if path.is_file():
            assert not any(word in path.read_bytes() for word in (b"hello", b"b.example"))


def test_dsn_options_are_kept(home: Path) -> None:
    run(home, TEXT, "-N", "success,failure", "-R", "full", "-V", "id7", "b@b.example")

    [letter] = letters(home)
    assert (letter.notify, letter.return_full, letter.envid) == ("SUCCESS,FAILURE", True, "id7")


@pytest.mark.parametrize(
    ("words", "octets", "status"),
    [
        ((), TEXT, os.EX_USAGE),
        (("-bs",), TEXT, os.EX_USAGE),
        (("-f",), TEXT, os.EX_USAGE),
        (("-t",), b"Subject: x\n\nhello\n", os.EX_USAGE),
        (("b@b.example",), b"a\0b\n", os.EX_DATAERR),
    ],
)
def test_what_can_not_be_sent_ends_with_its_status_and_leaves_nothing(
    home: Path, words: tuple[str, ...], octets: bytes, status: int
) -> None:
    assert run(home, octets, *words) == status
    assert letters(home) == []


def test_where_no_gateway_ever_ran_it_says_how_to_start_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, TEXT, "b@b.example") == os.EX_CONFIG
    assert "mx-gateway up" in capsys.readouterr().err
