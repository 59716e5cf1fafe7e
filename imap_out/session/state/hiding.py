"""Capabilities that are not told to some: a way around a mail program's fault, by configuration.

A program is known by the name it gives itself with ID (RFC 2971 §3.3), which most do before or
right after they log in; what was announced before then can not be taken back.
"""

from __future__ import annotations

from msgspec import Struct

from mx_core.model.address import Address


class HideRule(Struct, frozen=True):
    """Words that are hidden from one account, one program, or both; None and "" mean any."""

    words: frozenset[bytes]
    account: Address | None = None
    client: str = ""  # begins the name that the program gives, in any case

    def applies(self, account: Address | None, client: str) -> bool:
        """Tell whether the rule is meant for who is there."""
        mine = self.account is None or (
            account is not None and account.canonical() == self.account.canonical()
        )
        return mine and client.casefold().startswith(self.client.casefold())


class Hiding(Struct, frozen=True):
    """All rules of one gateway."""

    rules: tuple[HideRule, ...] = ()

    def hidden(self, account: Address | None, client: str) -> frozenset[bytes]:
        """Return the words that *account*, using *client*, is not told of."""
        return frozenset[bytes]().union(
            *(rule.words for rule in self.rules if rule.applies(account, client))
        )
