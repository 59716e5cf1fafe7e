"""What opens encrypted mail, and why it does not.  Layers inside each other are opened in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from gateway.decrypting.enclosed import Kind, enclosed, kind_of
from mx_core.model.errors import Refused

OCTETS_MAX: Final = 64 * 1024 * 1024  # of what one layer holds
_LAYERS_MAX: Final = 3

NO_KEY: Final = "no key that was given opens it"
ALTERED: Final = "it is damaged, or was altered on its way"
NOT_PROTECTED: Final = "nothing in it shows whether it was altered"
TOO_LARGE: Final = "it holds more than 64 MiB"
TOO_DEEP: Final = "it is encrypted more than three times over"
NO_MESSAGE: Final = "no whole message is inside"


class NotOpened(Refused):
    """One message stays as it is; the sentence is one of the above."""


class Opener(Protocol):
    """One key, or all of a program."""

    kind: Kind

    def open(self, ciphertext: bytes) -> bytes:
        """Return what is inside; raises NotOpened, and Refused if it can open nothing at all."""


def open_all(kind: Kind, ciphertext: bytes, openers: Sequence[Opener]) -> bytes:
    """Return the innermost entity: header, empty line and body.

    Raises:
        NotOpened: Nothing of it is to be used.
    """
    for _ in range(_LAYERS_MAX):
        entity = _open(kind, ciphertext, openers)
        inside = kind_of(entity)
        again = None if inside is None else enclosed(entity)
        if inside is None or again is None:
            return entity
        kind, ciphertext = inside, again
    raise NotOpened(TOO_DEEP)


def _open(kind: Kind, ciphertext: bytes, openers: Sequence[Opener]) -> bytes:
    why = NotOpened(NO_KEY)
    for opener in openers:
        if opener.kind is kind:
            try:
                return opener.open(ciphertext)
            except NotOpened as error:
                # what one key found out is more than that another does not fit
                why = error if str(why) == NO_KEY else why
    raise why
