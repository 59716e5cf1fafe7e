"""Write tests/vectors/mime anew from the answers of a Dovecot that listens in clear on loopback.

    python -m tests.support.record_mime_answers PORT USER PASSWORD

The user's INBOX must be empty.  Needed only when odd_messages changes; what then differs from ours
and is meant goes by hand into ``differences.json``, with its reason.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import sys
from pathlib import Path

from mx_core.mime import part_map
from mx_core.mime.part_map import Kind, Part
from mx_core.mime.prepare import prepare
from tests.support import imap_tokens
from tests.support.odd_messages import FAMILIES

VECTORS = Path(__file__).parents[1] / "vectors" / "mime"
FIELDS_ASKED = ["subject", "FROM", "x-same", "x-space", "content-type", "to", "date"]
PATHS_MAX = 6
_ITEM = re.compile(rb"(BODY\[[^\]]*\]|[A-Z0-9.]+) ")
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class Client:
    """Just enough IMAP: one command at a time, literals kept whole."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._file = self._socket.makefile("rb")
        self._file.readline()

    def ask(self, command: bytes, literal: bytes | None = None) -> list[bytes]:
        tail = b"" if literal is None else b" {%d+}\r\n%b" % (len(literal), literal)
        self._socket.sendall(b"a " + command + tail + b"\r\n")
        answers: list[bytes] = []
        while not (answer := self._answer()).startswith(b"a "):
            answers.append(answer)
        if not answer.startswith(b"a OK"):
            raise SystemExit(answer.decode("latin-1"))
        return answers

    def _answer(self) -> bytes:
        answer = self._file.readline()
        while found := _LITERAL.search(answer):
            answer += self._file.read(int(found.group(1))) + self._file.readline()
        return answer


def items(answer: bytes) -> dict[str, imap_tokens.Value]:
    """Return the items of one FETCH answer."""
    at = answer.index(b"FETCH (") + len(b"FETCH (")
    found: dict[str, imap_tokens.Value] = {}
    while answer[at : at + 1] != b")":
        item = _ITEM.match(answer, at)
        assert item is not None, answer[at:]
        value, at = imap_tokens.read_first(answer, item.end())
        found[item.group(1).decode().upper()] = value
        at += answer[at : at + 1] == b" "
    return found


def paths(part: Part, before: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Return the numbers of parts that are there, and of some that are not."""
    if part.kind is not Kind.MULTIPART:
        return [(*before, 1), *_inside(part, (*before, 1)), (*before, 2)]
    found: list[tuple[int, ...]] = []
    for number, child in enumerate(part.children, 1):
        found += [(*before, number), *_inside(child, (*before, number))]
    return [*found, (*before, len(part.children) + 1)]


def _inside(part: Part, path: tuple[int, ...]) -> list[tuple[int, ...]]:
    if part.message is not None:
        return paths(part.message, path)
    return paths(part, path) if part.kind is Kind.MULTIPART else [(*path, 1)]


def _digest(text: imap_tokens.Value) -> str:
    octets = str(text or "").encode("latin-1")
    return f"{len(octets)}:{hashlib.blake2b(octets, digest_size=5).hexdigest()}"


def record(client: Client, number: int, octets: bytes) -> dict[str, object]:
    client.ask(b"APPEND INBOX", octets)
    client.ask(b"NOOP")
    numbers = paths(part_map.decode(prepare(octets).parts))[:PATHS_MAX]
    sections = ["", "HEADER", "TEXT"]
    for path in numbers:
        name = ".".join(map(str, path))
        sections += [name, f"{name}.HEADER", f"{name}.TEXT", f"{name}.MIME"]
    asked = f"({' '.join(FIELDS_ASKED).upper()})"
    queries = [*sections, f"HEADER.FIELDS {asked}", f"HEADER.FIELDS.NOT {asked}"]
    query = " ".join(f"BODY.PEEK[{section}]" for section in queries)
    command = f"FETCH {number} (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE {query})"
    got = items(client.ask(command.encode())[0])
    cut = {section: got[f"BODY[{section}]"] for section in sections}
    return {
        "octets": _digest(octets.decode("latin-1")),
        "size": got["RFC822.SIZE"],
        "envelope": got["ENVELOPE"],
        "bodystructure": got["BODYSTRUCTURE"],
        "body": got["BODY"],
        "sections": {section: _digest(text) for section, text in cut.items() if text},
        "absent": [section for section, text in cut.items() if not text],
        "fields": got[f"BODY[HEADER.FIELDS {asked}]"],
        "other_fields": _digest(got[f"BODY[HEADER.FIELDS.NOT {asked}]"]),
    }


def main(port: str, user: str, password: str) -> None:
    client = Client(int(port))
    client.ask(f"LOGIN {user} {password}".encode())
    client.ask(b"SELECT INBOX")
    number = 0
    for family in FAMILIES:
        rows: list[str] = []
        for name, octets in family():
            number += 1
            answers = json.dumps(record(client, number, octets), separators=(",", ":"))
            rows.append(f"{json.dumps(name)}: {answers}")
        head = {
            "recorded_from": "Dovecot 2.3.19.1 (Debian 12), tests/support/record_mime_answers.py",
            "fields_asked": FIELDS_ASKED,
        }
        document = json.dumps(head)[:-1] + ', "messages": {\n' + ",\n".join(rows) + "\n}}\n"
        (VECTORS / f"{family.__name__.strip('_')}.json").write_text(document, encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
