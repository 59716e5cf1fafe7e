"""``mx-gateway sendmail``, also as ``mx-sendmail``: what mutt, git and cron call.

The message is sealed to the gateway's spool key and durable before anything else happens.  Then
the daemon is asked to take it in: its refusal is told; without a daemon it waits, and 0 is returned.
Statuses are those of sysexits(3), which mutt shows.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from msgspec import Struct, field

from gateway.config import load
from gateway.directories import Directories, directories
from gateway.spool.folder import Spool
from gateway.spool.letter import Letter, sealed, with_crlf
from mx_core.control.client import ControlClient
from mx_core.mime import address_list
from mx_core.mime.header import top_fields, value
from mx_core.model.errors import (
    BadConfiguration,
    BadMessage,
    MailError,
    MessageTooLarge,
    NotPermitted,
    PeerUnreachable,
    Refused,
    Unavailable,
)
from mx_core.program.exits import exit_status

_RECIPIENTS_MAX: Final = 10_000
_WITH_VALUE: Final = "BCFLNRVXfhpr"  # options that take one, in the same word or the next
_ANSWERED: Final = (
    (BadConfiguration, os.EX_CONFIG),  # how the daemon's refusals end the program
    (NotPermitted, os.EX_NOPERM),
    (BadMessage, os.EX_DATAERR),
    (MessageTooLarge, os.EX_DATAERR),
    (Unavailable, os.EX_TEMPFAIL),
    (Refused, os.EX_UNAVAILABLE),
)


class _Usage(Exception):
    """The command line can not be carried out; one sentence."""


class _Asked(Struct):
    """What the command line says."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    from_header: bool = False  # -t
    dot_ends: bool = True  # until -i
    notify: str = ""
    return_full: bool = False
    envid: str = ""


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def sendmail(place: Directories, words: tuple[str, ...]) -> None:
    """Send the message on standard input, with the options of sendmail: -t, -f ADDRESS, -i."""
    sys.exit(_run(place, words))


def main() -> None:
    """Be ``mx-sendmail``; ``--home DIRECTORY`` first, as for ``mx-gateway``."""
    words = sys.argv[1:]
    home = None
    if words[:1] == ["--home"]:
        home, words = Path(words[1]) if words[1:] else None, words[2:]
    sys.exit(_run(directories(home), words))


def _run(place: Directories, words: Sequence[str]) -> int:
    try:
        asked = parse(words)
        letter = _letter(
            asked, sys.stdin.buffer.read(), load(place.config_file).limits.message_octets
        )
        spool = Spool(place.spool)
        name = f"{int(time.time() * 1000) % (1 << 40):010x}{secrets.token_hex(5)}"
        spool.put(name, sealed(letter, spool.public_key()))
        # Crash here: it is sent at the daemon's next look, and nobody was told that it is not.
        _ask(place, name)
    except _Usage as error:
        return _told(str(error), os.EX_USAGE)
    except MailError as error:
        return _told(str(error), exit_status(error, _ANSWERED))
    return os.EX_OK


def _ask(place: Directories, name: str) -> None:
    """Let the daemon take it in; one that does not run will, when it starts."""
    try:
        ControlClient(place.control_socket, "mx-gateway").post("/spool", {"name": name})
    except PeerUnreachable:
        return


def parse(words: Sequence[str]) -> _Asked:
    """Return what sendmail's command line *words* ask for."""
    asked = _Asked()
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            asked.recipients += left
            break
        if not word.startswith("-") or word == "-":
            asked.recipients.append(word)
            continue
        letter, rest = word[1], word[2:]
        if letter in _WITH_VALUE:
            if not rest and not left:
                raise _Usage(f"-{letter} needs a value")
            _option(asked, letter, rest or left.pop(0))
        elif letter == "b":
            if rest != "m":
                raise _Usage(f"-b{rest} is not done here; only messages are sent")
        elif letter == "t":
            asked.from_header = True
        elif letter == "i" or word == "-oi":
            asked.dot_ends = False
        # every other one changes nothing of what is sent
    return asked


def _option(asked: _Asked, letter: str, given: str) -> None:
    match letter:
        case "f" | "r":
            asked.sender = given.strip("<>")
        case "N":
            asked.notify = given.upper()
        case "R":
            asked.return_full = given.lower() == "full"
        case "V":
            asked.envid = given
        case _:
            pass  # changes nothing of what is sent


def _letter(asked: _Asked, octets: bytes, octets_max: int) -> Letter:
    """Return what is to be sent; raises _Usage, BadMessage, MessageTooLarge."""
    if len(octets) > octets_max:
        raise MessageTooLarge("the message is larger than the gateway takes")
    text = with_crlf(octets, dot_ends=asked.dot_ends)
    recipients = list(asked.recipients)
    if asked.from_header:
        recipients += named(text)
    if not recipients:
        raise _Usage("no recipient is named; give addresses, or -t to read them from the header")
    if len(recipients) > _RECIPIENTS_MAX:
        raise _Usage(f"more than {_RECIPIENTS_MAX} recipients")
    return Letter(
        asked.sender, tuple(recipients), text, asked.notify, asked.return_full, asked.envid
    )


def named(text: bytes) -> list[str]:
    """Return whom To, Cc and Bcc of the top header name."""
    entries = (
        entry
        for one in top_fields(text)
        if one.name in {b"to", b"cc", b"bcc"}
        for entry in address_list.parse(value(text, one), _RECIPIENTS_MAX)
    )
    return [
        (entry.mailbox + b"@" + entry.domain).decode("utf-8", "replace")
        for entry in entries
        if entry.mailbox is not None and entry.domain is not None
    ]


def _told(sentence: str, status: int) -> int:
    print(f"mx-sendmail: {sentence}", file=sys.stderr)  # noqa: T201  # the one place that speaks
    return status
