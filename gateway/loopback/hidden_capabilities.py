"""The ``[[hide]]`` tables of the configuration, checked: each word is one that can be hidden."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Protocol

from imap_out.session.state.capability import CAN_BE_HIDDEN
from imap_out.session.state.hiding import HideRule, Hiding
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress


class HideTable(Protocol):
    """What the configuration says; see ``gateway.config.Hide``."""

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Words of CAPABILITY."""

    @property
    def account(self) -> str:
        """An address, or ""."""

    @property
    def client(self) -> str:
        """How the program's name begins."""


def wrong_tables(tables: Iterable[HideTable]) -> list[str]:
    """Return a sentence for each word or address that means nothing."""
    known = sorted(word.decode() for word in CAN_BE_HIDDEN)
    problems: list[str] = []
    for table in tables:
        for word in table.capabilities:
            if word.upper() in known:
                continue
            near = difflib.get_close_matches(word.upper(), known, n=1)
            hint = f", did you mean {near[0]!r}?" if near else f"; known are {' '.join(known)}"
            problems.append(f"hide.capabilities: {word!r} can not be hidden{hint}")
        if table.account:
            try:
                Address.parse(table.account)
            except BadAddress as error:
                problems.append(f"hide.account: {error}")
    return problems


def hiding_of(tables: Iterable[HideTable]) -> Hiding:
    """Return the rules of tables that are right."""
    return Hiding(
        tuple(
            HideRule(
                frozenset(word.upper().encode() for word in table.capabilities),
                Address.parse(table.account) if table.account else None,
                table.client,
            )
            for table in tables
        )
    )
