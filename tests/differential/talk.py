"""One connection whose answers come back whole: the tagged reply, and untagged data as values."""

import re
import socket
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = int | str | list["Value"] | None

_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_INLINE = re.compile(rb"\{(\d+)\}\r\n")
_ATOM = re.compile(rb"[^ ()\[]*(?:\[[^\]]*\](?:<\d+>)?)?")  # with the section of a BODY[…]
_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
_CHUNK = 65_536


@dataclass(frozen=True)
class Data:
    """An untagged line: ``* 3 FETCH (…)`` is number 3, kind FETCH and its values."""

    kind: str
    number: int | None
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Answer:
    """What a server said to one command; *code* is the response code in brackets, or ""."""

    status: str
    code: str
    data: tuple[Data, ...]


class Closed(Exception):
    """The server ended the connection."""


class Talk:
    """A blocking client."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._buffer = b""
        self._number = 0
        self._line()
        self.ask(b'LOGIN "%b" "%b"' % (user.encode(), password.encode()))

    def close(self) -> None:
        self._sock.close()

    def ask(self, command: bytes, *literals: bytes) -> Answer:
        """Send *command*; each of *literals* stands where the command has ``%s``."""
        self._number += 1
        tag = b"d%d" % self._number
        first, *rest = command.split(b"%s")
        octets = tag + b" " + first
        for literal, after in zip(literals, rest, strict=True):
            octets += b"{%d+}\r\n" % len(literal) + literal + after
        self._sock.sendall(octets + b"\r\n")
        data = []
        while not (line := self._line()).startswith(tag + b" "):
            if line.startswith(b"* "):
                data.append(_data(line[2:-2]))
        status, _, text = line[len(tag) + 1 : -2].partition(b" ")
        code = re.match(rb"\[([^\]]*)\]", text)
        return Answer(status.decode(), code[1].decode() if code else "", tuple(data))

    def _line(self) -> bytes:
        """Return one line with the literals in it."""
        line = b""
        while True:
            line += self._until_crlf()
            found = _LITERAL.search(line)
            if found is None:
                return line
            while len(self._buffer) < int(found[1]):
                self._receive()
            line += self._buffer[: int(found[1])]
            self._buffer = self._buffer[int(found[1]) :]

    def _until_crlf(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line + b"\r\n"

    def _receive(self) -> None:
        octets = self._sock.recv(_CHUNK)
        if not octets:
            raise Closed
        self._buffer += octets


def _data(line: bytes) -> Data:
    number: int | None = None
    if found := re.match(rb"(\d+) ", line):
        number, line = int(found[1]), line[found.end() :]
    kind, _, rest = line.partition(b" ")
    if kind in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH", b"CAPABILITY", b"FLAGS"):
        code = re.match(rb"\[([A-Z-]+) ?([^\]]*)\]", rest)
        values: tuple[Value, ...] = (code[1].decode(), code[2].decode()) if code else ()
        return Data(kind.decode(), number, values if kind == b"OK" else (rest.decode(),))
    return Data(kind.decode().upper(), number, tuple(_values(rest)))


def _values(rest: bytes) -> list[Value]:
    values, _ = _until_close(rest, 0)
    return values


def _until_close(octets: bytes, at: int) -> tuple[list[Value], int]:
    """Return the values up to the closing parenthesis, or the end, and what follows it."""
    values: list[Value] = []
    while at < len(octets):
        match octets[at : at + 1]:
            case b" ":
                at += 1
            case b")":
                return values, at + 1
            case b"(":
                inner, at = _until_close(octets, at + 1)
                values.append(inner)
            case b'"':
                found = _QUOTED.match(octets, at)
                assert found is not None
                values.append(re.sub(rb"\\(.)", rb"\1", found[1]).decode("latin-1"))
                at = found.end()
            case b"{" if found := _INLINE.match(octets, at):
                end = found.end() + int(found[1])
                values.append(octets[found.end() : end].decode("latin-1"))
                at = end
            case _:
                found = _ATOM.match(octets, at)
                assert found is not None
                assert found.end() > at, octets[at:]
                word = found[0].decode("latin-1")
                values.append(None if word == "NIL" else int(word) if word.isdecimal() else word)
                at = found.end()
    return values, at
