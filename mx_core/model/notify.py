"""What a sender wants to be told of one recipient.  RFC 3461."""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct


class Notify(Enum):
    """RFC 3461 §4.1; none of them is NEVER."""

    SUCCESS = "success"
    FAILURE = "failure"
    DELAY = "delay"


DEFAULT: Final = frozenset({Notify.FAILURE, Notify.DELAY})


class NotifyRequest(Struct, frozen=True):
    """When to tell, and the address as the sender first knew it: ``type;address``, or ""."""

    when: frozenset[Notify] = DEFAULT
    original: str = ""

    def spelt(self) -> str:
        """Return *when* as it is kept: words in order, a comma between."""
        return ",".join(sorted(word.value for word in self.when))

    @classmethod
    def kept(cls, words: str, original: str) -> NotifyRequest:
        """Return what ``spelt`` gave *words* for."""
        return cls(frozenset(Notify(word) for word in words.split(",") if word), original)


AS_USUAL: Final = NotifyRequest()
