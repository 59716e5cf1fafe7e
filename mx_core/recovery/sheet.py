"""The recovery sheet: 24 words on paper, the 32 octets they spell, and the two keys made of these.

The words are those of BIP-39 English; the octets are used directly (identity §1), without its
passphrase or stretching.  Nothing here is ever written to a disk.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Final

from mnemonic import Mnemonic
from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2
from mx_core.notation.xwing import XWingSecret

SEED_OCTETS: Final = 32
WORDS: Final = 24


class Sheet(Struct, frozen=True):
    """One sheet of paper, while somebody holds it."""

    seed: Secret[bytes]

    @classmethod
    def new(cls) -> Sheet:
        """Return a sheet that never was."""
        return cls(Secret(secrets.token_bytes(SEED_OCTETS)))

    @classmethod
    def read(cls, words: str) -> Sheet:
        """Return the sheet whose words somebody has typed, in any case and with any spaces.

        Raises:
            Refused: Not 24 words, an unknown word, or the check of the last word fails.
        """
        given = words.lower().split()
        if len(given) != WORDS:
            raise Refused(f"a recovery sheet has {WORDS} words, not {len(given)}")
        known = _language()
        unknown = [n for n, word in enumerate(given, 1) if word not in known.wordlist]
        if unknown:
            raise Refused(f"word {unknown[0]} is not a word of any recovery sheet: look again")
        if not known.check(" ".join(given)):
            raise Refused("two words are swapped, or one is wrong: compare them with the sheet")
        return cls(Secret(bytes(known.to_entropy(given))))

    @property
    def words(self) -> str:
        """The 24 words, with single spaces."""
        return str(_language().to_mnemonic(self.seed.reveal()))

    @property
    def key(self) -> SigningKey:
        """The recovery key of the passport, identity §1."""
        return SigningKey(self.seed.reveal())

    @property
    def backup_secret(self) -> XWingSecret:
        """What opens the backups that were sealed to this sheet, spec/backup §2."""
        return XWingSecret(b2("MX1.backup", [], key=self.seed.reveal()))


@cache
def _language() -> Mnemonic:
    return Mnemonic("english")
