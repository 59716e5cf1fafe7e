"""What a rule may ask of one message; headers are loaded only when a rule comes to need them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from msgspec import Struct

from mx_core.mime.field_match import day_sent
from mx_core.model.flags import FlagSet
from mx_core.model.header_keys import HeaderKeys
from mx_core.model.message import MessageForm

Texts = tuple[str, str]  # what TEXT and BODY search, ``mx_core.mime.search_text``


class Loaded(Struct, frozen=True):
    """What a rule reads of a header."""

    form: MessageForm
    octets: bytes  # up to ``header_end`` at least
    keys: HeaderKeys | None = None  # where they have been made already


class Facts:
    """One message in one mailbox, at one moment.  Pure: *load* is whoever asked's business."""

    __slots__ = ("_load", "_loaded", "_sent", "arrived", "flags", "now", "size", "texts")

    def __init__(
        self,
        flags: FlagSet,
        *,
        arrived: int,
        size: int,
        now: int,
        load: Callable[[], Loaded],
        texts: Texts | None = None,
    ) -> None:
        self.flags = flags
        self.arrived = arrived  # INTERNALDATE, unix seconds
        self.size = size  # octets
        self.now = now  # unix seconds
        self.texts = texts  # None: not read now
        self._load = load
        self._loaded: Loaded | None = None
        self._sent: tuple[date | None] | None = None

    @property
    def header(self) -> Loaded:
        """Return the header, loaded at the first call."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    @property
    def sent(self) -> date | None:
        """Return the day of the Date field."""
        if self._sent is None:
            loaded = self.header
            self._sent = (day_sent(loaded.octets, loaded.form),)
        return self._sent[0]
