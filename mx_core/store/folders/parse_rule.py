"""The text of a rule as a `Rule`: a subset of search-program.  docs/spec/folders §2.

    rule  = key *(SP key)                     ; all of them
    key   = "(" rule ")" / "NOT" SP key / "OR" SP key SP key / name [SP argument …]

Bounded in length, number of keys and depth; anything else is BadRule with the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from mx_core.mime.casemap import fold
from mx_core.model.errors import BadRule
from mx_core.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag
from mx_core.store.folders import rule
from mx_core.store.folders.rule import Criterion, Rule

_CHARACTERS_MAX: Final = 1_000
_KEYS_MAX: Final = 100
_DEPTH_MAX: Final = 16
_SECONDS_MAX: Final = 100 * 366 * 86_400
_TOKEN: Final = re.compile(r'\s*(?:([()])|"((?:[^"\\]|\\["\\])*)"|([^\s()"\\]+))')
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")  # fmt: skip
_DATE: Final = re.compile(r"(\d{1,2})-([a-z]{3})-(\d{4})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
_KEYWORD: Final = re.compile(r"[!#$&',\-./0-9:;<=>?@A-Z\[^_`a-z|}~+]{1,200}", re.ASCII)
_FIELD: Final = re.compile(r"[!-9;-~]{1,100}", re.ASCII)


def parse(text: str) -> Rule:
    """Return the rule that *text* spells; raises BadRule."""
    if len(text) > _CHARACTERS_MAX:
        raise BadRule(f"a rule is at most {_CHARACTERS_MAX} characters long")
    if not text.isprintable():
        raise BadRule("a rule may not hold control characters")
    reader = _Reader(text)
    test = reader.keys(depth=0)
    reader.expect_end()
    return Rule(text.strip(), test)


class _Reader:
    """The tokens from left to right: ("(" or ")", bare word, quoted string)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._keys = 0
        self._next = self._token()

    def _token(self) -> tuple[str, str] | None:
        if not self._text[self._at :].strip():
            return None
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise self.bad("a key or a quoted string")
        self._at = match.end()
        paren, quoted, word = match.groups()
        if paren is not None:
            return ("paren", paren)
        if quoted is not None:
            return ("quoted", re.sub(r'\\(["\\])', r"\1", quoted))
        return ("word", word)

    def bad(self, expected: str) -> BadRule:
        return BadRule(f"the rule is not understood near character {self._at}: expected {expected}")

    def _take(self) -> tuple[str, str]:
        taken = self._next
        if taken is None:
            raise self.bad("more")
        self._next = self._token()
        return taken

    def expect_end(self) -> None:
        if self._next is not None:
            raise self.bad("the end")

    def keys(self, depth: int) -> Criterion:
        tests = [self._key(depth)]
        while self._next not in (None, ("paren", ")")):
            tests.append(self._key(depth))
        return rule.every(tests)

    def _key(self, depth: int) -> Criterion:
        self._keys += 1
        if depth >= _DEPTH_MAX or self._keys > _KEYS_MAX:
            raise BadRule(f"a rule has at most {_KEYS_MAX} keys and {_DEPTH_MAX} levels")
        kind, text = self._take()
        if (kind, text) == ("paren", "("):
            inner = self.keys(depth + 1)
            if self._take() != ("paren", ")"):
                raise self.bad(")")
            return inner
        name = text.upper() if kind == "word" else ""
        if name == "NOT":
            return rule.negated(self._key(depth + 1))
        if name == "OR":
            return rule.either(self._key(depth + 1), self._key(depth + 1))
        if name not in _KEYS:
            raise self.bad("a search key that a rule may hold")
        return _KEYS[name](self)

    def text(self) -> str:
        kind, text = self._take()
        if kind == "paren":
            raise self.bad("a text")
        return text

    def matched(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        kind, text = self._take()
        match = pattern.fullmatch(text if pattern is not _DATE else text.lower())
        if kind == "paren" or match is None:
            raise self.bad(expected)
        return match

    def number(self) -> int:
        return int(self.matched(_NUMBER, "a number")[0])

    def seconds(self) -> int:
        seconds = self.number()
        if not 1 <= seconds <= _SECONDS_MAX:
            raise self.bad("seconds, from 1 to a hundred years")
        return seconds

    def day(self) -> date:
        found = self.matched(_DATE, "a day like 1-Feb-2027")
        try:
            return date(int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
        except ValueError as error:
            raise self.bad("a day of the calendar") from error


_Read = Callable[[_Reader], Criterion]


def _flag(flag: Flag, *, there: bool = True) -> _Read:
    test = rule.has_flag(flag) if there else rule.negated(rule.has_flag(flag))
    return lambda _: test


def _keyword(reader: _Reader) -> Criterion:
    return rule.has_flag(Flag(reader.matched(_KEYWORD, "a keyword")[0]))


def _field(name: bytes) -> _Read:
    return lambda reader: rule.in_field(name, fold(reader.text()))


def _header(reader: _Reader) -> Criterion:
    name = reader.matched(_FIELD, "the name of a field")[0].lower().encode()
    return rule.in_field(name, fold(reader.text()))


def _before(day: date) -> Callable[[date], bool]:
    return lambda found: found < day


def _on(day: date) -> Callable[[date], bool]:
    return lambda found: found == day


def _since(day: date) -> Callable[[date], bool]:
    return lambda found: found >= day


_ALL: Final = Criterion(lambda _: True)
_KEYS: Final[dict[str, _Read]] = {
    "ALL": lambda _: _ALL,
    "ANSWERED": _flag(ANSWERED),
    "DELETED": _flag(DELETED),
    "DRAFT": _flag(DRAFT),
    "FLAGGED": _flag(FLAGGED),
    "SEEN": _flag(SEEN),
    "UNANSWERED": _flag(ANSWERED, there=False),
    "UNDELETED": _flag(DELETED, there=False),
    "UNDRAFT": _flag(DRAFT, there=False),
    "UNFLAGGED": _flag(FLAGGED, there=False),
    "UNSEEN": _flag(SEEN, there=False),
    "KEYWORD": _keyword,
    "UNKEYWORD": lambda reader: rule.negated(_keyword(reader)),
    "BCC": _field(b"bcc"),
    "CC": _field(b"cc"),
    "FROM": _field(b"from"),
    "SUBJECT": _field(b"subject"),
    "TO": _field(b"to"),
    "HEADER": _header,
    "BODY": lambda reader: rule.in_body(fold(reader.text())),
    "TEXT": lambda reader: rule.in_text(fold(reader.text())),
    "BEFORE": lambda reader: rule.arrived(_before(reader.day())),
    "ON": lambda reader: rule.arrived(_on(reader.day())),
    "SINCE": lambda reader: rule.arrived(_since(reader.day())),
    "SENTBEFORE": lambda reader: rule.sent(_before(reader.day())),
    "SENTON": lambda reader: rule.sent(_on(reader.day())),
    "SENTSINCE": lambda reader: rule.sent(_since(reader.day())),
    "LARGER": lambda reader: rule.larger(reader.number()),
    "SMALLER": lambda reader: rule.smaller(reader.number()),
    "OLDER": lambda reader: rule.older(reader.seconds()),
    "YOUNGER": lambda reader: rule.younger(reader.seconds()),
}
