"""Two words of a new recovery sheet, asked back: digests in memory, for as long as the page is open.

The words themselves are shown once and kept nowhere, so a check knows two of them, keyed and hashed.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, final

from msgspec import Struct

from mx_core.model.errors import Refused

ASKED: Final = 2
_CHECKS_MAX: Final = 16
_TOKEN_OCTETS: Final = 24


class SheetCheck(Struct, frozen=True):
    """Which words are asked, from 1 on, what waits for the right answer, and whose it is."""

    places: tuple[int, ...]
    recovery: str  # what is finished by it; "": nothing
    key: bytes
    digests: tuple[bytes, ...]
    account: str  # a new one, which is greeted then; "": none


@final
class SheetChecks:
    """The checks that wait; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._checks: dict[str, SheetCheck] = {}

    def ask(self, words: str, recovery: str = "", account: str = "") -> str:
        """Return the token of a new check of *words*.

        *recovery*: what is finished by passing it; *account*: whose first sheet it is.
        """
        typed = words.split()
        places = tuple(sorted(secrets.SystemRandom().sample(range(1, len(typed) + 1), ASKED)))
        key, token = secrets.token_bytes(32), secrets.token_urlsafe(_TOKEN_OCTETS)
        while len(self._checks) >= _CHECKS_MAX:
            del self._checks[next(iter(self._checks))]
        digests = tuple(_digest(key, typed[place - 1]) for place in places)
        self._checks[token] = SheetCheck(places, recovery, key, digests, account)
        return token

    def find(self, token: str) -> SheetCheck:
        """Return the check of *token*; raises Refused."""
        check = self._checks.get(token)
        if check is None:
            raise Refused(
                "this recovery sheet was checked already, or the gateway has restarted: go on from your accounts"
            )
        return check

    def passes(self, token: str, typed: list[str]) -> bool:
        """Tell whether *typed* are the words that were asked; then the check is over.

        Raises:
            Refused: There is no such check.
        """
        check = self.find(token)
        given = tuple(_digest(check.key, word.strip().lower()) for word in typed)
        if given != check.digests:
            return False
        del self._checks[token]
        return True


def _digest(key: bytes, word: str) -> bytes:
    return hashlib.blake2b(word.encode("utf-8", "replace"), key=key, digest_size=32).digest()
