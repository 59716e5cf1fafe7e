"""A DNS for judgements, as a table: what a zone holds is found, what it does not is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from smtp_in.door.judging.names import Names, NamesUnavailable

Zone = Mapping[str, Sequence[str]]
AWAY = "!"  # instead of a record: no answer


@dataclass
class TableNames(Names):
    """*zone*: ``"TXT name"``, ``"A name"``, ``"AAAA name"``, ``"MX name"`` (in order), ``"PTR ip"``."""

    zone: Zone
    asked: list[str] = field(default_factory=list)

    async def texts(self, name: str) -> list[bytes]:
        return [text.encode("latin-1") for text in self._found("TXT", name)]

    async def addresses(self, name: str, *, v6: bool) -> list[str]:
        return self._found("AAAA" if v6 else "A", name)

    async def exchangers(self, name: str) -> list[str]:
        return self._found("MX", name)

    async def names_of(self, address: str) -> list[str]:
        return self._found("PTR", str(ip_address(address)))

    def _found(self, kind: str, name: str) -> list[str]:
        key = f"{kind} {name.lower().rstrip('.')}"
        self.asked.append(key)
        found = list(self.zone.get(key, ()))
        if AWAY in found:
            raise NamesUnavailable("the table says so")
        return found
