"""A rule's verdicts on many messages, with no more reading than it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from mx_core.model.flags import FlagSet
from mx_core.model.ids import MessageId
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets
from mx_core.store.folders.facts import Facts, Loaded, Texts
from mx_core.store.folders.rule import Rule
from mx_core.store.mail.message import Kept


class Source(Protocol):
    """What is read of a message; the reader of the write job."""

    def forms(self, messages: Sequence[MessageId]) -> list[MessageForm]:
        """Return the prepared forms in the order asked."""

    def sizes_and_dates(self, messages: Sequence[MessageId]) -> list[tuple[int, int]]:
        """Return (RFC822.SIZE, INTERNALDATE as unix seconds) for each."""

    def octets(self, message: MessageId, start: int = 0, end: int | None = None) -> bytes:
        """Return octets[start:end]."""


class Fresh(Struct, frozen=True):
    """A message that is being stored by this job: nothing of it need be read back."""

    header: Loaded
    arrived: int


class Judging:
    """Verdicts within one write job."""

    def __init__(self, source: Source, now: int) -> None:
        self._source = source
        self.now = now
        self.fresh: Mapping[MessageId, Fresh] = {}

    def know(self, rows: Sequence[tuple[MessageId, Kept]]) -> None:
        """Take messages that this job stores; one without a form is read back if need be."""
        self.fresh = {
            ident: Fresh(
                Loaded(kept.form, _header(kept.octets, kept.form), kept.form.keys),
                kept.internal_date,
            )
            for ident, kept in rows
            if kept.form is not None
        }

    def verdicts(
        self,
        rule: Rule,
        rows: Sequence[tuple[MessageId, FlagSet]],
        texts: Mapping[MessageId, Texts] | None = None,
    ) -> list[bool | None]:
        """Return whether *rule* holds for each (message, flags); *texts* are those that were read."""
        if rule.flags_only:
            return [rule.test.judge(self._flags_alone(flags)) for _, flags in rows]
        weights = self.weights([message for message, _ in rows])
        texts = texts or {}
        return [
            rule.test.judge(
                Facts(
                    flags,
                    size=size,
                    arrived=arrived,
                    now=self.now,
                    load=lambda message=message: self._load(message),  # type: ignore[misc]
                    texts=texts.get(message),
                )
            )
            for (message, flags), (size, arrived) in zip(rows, weights, strict=True)
        ]

    def holds_for_flags(self, rule: Rule, flags: FlagSet) -> bool:
        """Return the verdict of a rule that flags alone decide."""
        return bool(rule.test.judge(self._flags_alone(flags)))

    def weights(self, messages: Sequence[MessageId]) -> list[tuple[int, int]]:
        """Return (size, arrival) for each."""
        fresh = list(filter(None, map(self.fresh.get, messages)))
        if len(fresh) == len(messages):
            return [(each.header.form.size, each.arrived) for each in fresh]
        return self._source.sizes_and_dates(messages)

    def _load(self, message: MessageId) -> Loaded:
        fresh = self.fresh.get(message)
        if fresh is not None:
            return fresh.header
        (form,) = self._source.forms([message])
        return Loaded(form, self._source.octets(message, 0, form.header_end))

    def _flags_alone(self, flags: FlagSet) -> Facts:
        return Facts(flags, arrived=0, size=0, now=self.now, load=_nothing)


def _nothing() -> Loaded:
    raise AssertionError("a rule that flags decide asked for more")


def _header(octets: Octets, form: MessageForm) -> bytes:
    """Return the header of what is not in memory, and else what is there, which costs nothing."""
    return octets if isinstance(octets, bytes) else octets[: form.header_end]
