"""A checkpoint: what a log says of itself at one size, signed by it and perhaps by witnesses.

C2SP tlog-checkpoint.  Lines after the third are kept and not understood.

Failure classes: ``note`` (of the signatures), ``checkpoint``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.tlog import note
from mx_core.tlog.merkle import HASH_OCTETS
from mx_core.tlog.note import Kind, NoteKey

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(Struct, frozen=True):
    """*size* leaves of the log *origin* have this *root* (32 octets)."""

    origin: str
    size: int
    root: bytes
    more: tuple[str, ...] = ()

    def render(self) -> str:
        """Return the text that is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.more]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return the checkpoint that *text* spells.

        Raises:
            Untrusted: ``checkpoint``.
        """
        origin, size, encoded, *more = text.removesuffix("\n").split("\n") + ["", ""]
        more = more[: len(more) - 2]
        try:
            root = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise Untrusted("checkpoint", "a checkpoint whose root is not base64") from error
        made = cls(origin, int(size) if _SIZE.fullmatch(size) else -1, root, tuple(more))
        if not origin or made.size < 0 or len(root) != HASH_OCTETS or made.render() != text:
            raise Untrusted("checkpoint", "not a checkpoint")
        return made


class OpenedCheckpoint(Struct, frozen=True):
    """A checkpoint whose log signed it; *witnessed* tells who cosigned it, and when."""

    checkpoint: Checkpoint
    witnessed: dict[str, int]

    @property
    def newest(self) -> int | None:
        """Return the time of the newest accepted cosignature, in unix seconds."""
        return max(self.witnessed.values(), default=None)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return the note of *checkpoint*, signed by the log's key under its origin."""
    text = checkpoint.render()
    return note.join(text, [note.sign_note(text, checkpoint.origin, key)])


def open_checkpoint(
    octets: bytes, origin: str, log_key: bytes, witnesses: Sequence[NoteKey] = ()
) -> OpenedCheckpoint:
    """Return the checkpoint in the note *octets* of the log *origin*.

    Raises:
        Untrusted: ``note``, or ``checkpoint``: another origin, not signed by the log itself.
    """
    text, signers = note.open_note(octets, [NoteKey(origin, log_key), *witnesses])
    checkpoint = Checkpoint.parse(text)
    if checkpoint.origin != origin:
        raise Untrusted("checkpoint", f"a checkpoint of another log than {origin}")
    if not any(one.key.kind is Kind.ED25519 and one.key.public == log_key for one in signers):
        raise Untrusted("checkpoint", f"a checkpoint that {origin} did not sign")
    witnessed = {one.key.name: one.time for one in signers if one.time is not None}
    return OpenedCheckpoint(checkpoint, witnessed)
