"""How the files of mail programs write a text that may hold anything but a line's end.  Pure."""

from __future__ import annotations

from urllib.parse import quote

from mx_core.model.errors import Refused


def mutt(text: str) -> str:
    """Return *text* in double quotes of a muttrc: backslash, quote, backtick and dollar escaped."""
    _one_line(text)
    return '"' + "".join("\\" + c if c in '\\"`$' else c for c in text) + '"'


def mbsync(text: str) -> str:
    """Return *text* in double quotes of an mbsyncrc: backslash and quote escaped."""
    _one_line(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def msmtp(text: str) -> str:
    """Return *text* in double quotes of an msmtprc, which knows no escape.

    Raises:
        Refused: It holds a double quote.
    """
    _one_line(text)
    if '"' in text:
        raise Refused(f"msmtp can not be told a text with a quotation mark: {text}")
    return f'"{text}"'


def git(text: str) -> str:
    """Return *text* in double quotes of a git configuration.  git-config(1), Syntax."""
    _one_line(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def url(text: str) -> str:
    """Return *text* as one component of a URL.  RFC 3986 §2.1."""
    _one_line(text)
    return quote(text, safe="")


def _one_line(text: str) -> None:
    if any(ord(c) < ord(" ") or c == "\x7f" for c in text):
        raise Refused("a setting with a control character can not be written into a file")
