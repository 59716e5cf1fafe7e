"""What the page asks of this computer: how the key may be kept, what is wrong, who a domain is.

Each of it takes a moment and a thread of its own; nothing here knows accounts.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

from typing_extensions import override

from gateway.accounts.found_domains import resolver_of
from gateway.beginning import system_trust, thunderbird
from gateway.config import Discovery
from gateway.directories import Directories
from gateway.doctor.examine import examine
from gateway.migration.local.thunderbird import is_profile
from gateway.unlocking import keyring, master_key
from gateway.unlocking.master_key import Method
from mx_core.discovery.continuity import How
from mx_core.discovery.finder import Finder
from mx_core.discovery.web_settings import WebSettings
from mx_core.program.finding import Finding

CONSEQUENCES: Final = {
    Method.KEYRING: "The keyring of your desktop session: open while you are logged in, closed to whoever only has the disk.",
    Method.PASSPHRASE: "A passphrase, typed at each start: until then mail is collected, and nobody can read it.",
    Method.FILE: "A file that only your user can read: nothing is ever asked, and whoever gets at the disk can read your mail.",
    Method.CREDENTIAL: "A credential of systemd, sealed to this computer: your service manager gives it, and here it can not be changed.",
}
_FOUND: Final = {
    How.STATIC: "by the file of peers that your configuration names",
    How.HTTPS: "by its DNS record and its site",
    How.DNSSEC: "by its DNS record, in a signed zone (DNSSEC)",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """How the key is kept now, and what else is possible here."""

    now: Method
    choices: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class FoundDomain:
    """What is to be seen of a domain from here; *key* is its first, in hex."""

    name: str
    how: str
    client: str  # where gateways of its people connect
    key: str


class Computer(Protocol):
    """See the module."""

    async def kept(self) -> Kept:
        """Return how the key is kept."""

    async def examine(self) -> list[Finding]:
        """Return what ``mx-gateway doctor`` finds."""

    async def look_up(self, domain: str) -> FoundDomain:
        """Return who *domain* is; raises NotOnNetwork, BadAddress, PeerUnreachable, Untrusted."""

    def profiles(self) -> int:
        """Return how many profiles of Thunderbird are to be seen."""

    def mail_here(self) -> list[str]:
        """Return where mail lies on this computer that an import can bring."""

    async def trust(self) -> int:
        """Let Thunderbird trust this gateway; return in how many profiles; raises as ``thunderbird.trust``."""

    async def system_trust(self) -> system_trust.Told:
        """Return whether programs of this computer trust this gateway, and what to type."""


@final
class OwnComputer(Computer):
    """This one."""

    def __init__(
        self, directories: Directories, discovery: Discovery, root_file: Path, home: Path
    ) -> None:
        """*root_file*: of the gateway's own authority; *home*: of the person."""
        self._directories = directories
        self._discovery = discovery
        self._root_file = root_file
        self._home = home

    @override
    async def kept(self) -> Kept:
        return await asyncio.to_thread(self._kept)

    def _kept(self) -> Kept:
        now = master_key.method_of(self._directories.data)
        if now is Method.CREDENTIAL:
            return Kept(now, ())
        answers = keyring.answers()
        possible = [each for each in master_key.methods_here() if each is not Method.KEYRING]
        return Kept(now, (Method.KEYRING, *possible) if answers else tuple(possible))

    @override
    async def examine(self) -> list[Finding]:
        return await asyncio.to_thread(lambda: list(examine(self._directories)))

    @override
    async def look_up(self, domain: str) -> FoundDomain:
        settings = self._discovery
        finder = Finder(  # of this one question: what was remembered of keys is not asked
            resolver=resolver_of(settings),
            peers=Path(settings.peers) if settings.peers else None,
            closed=settings.closed,
            web=WebSettings(allow_private=settings.allow_private),
            now=time.time,
        )
        found = await finder.find(domain)
        client = f"{found.client.host}, port {found.client.port}"
        return FoundDomain(found.name, _FOUND[found.how], client, found.keys[0].hex())

    @override
    def profiles(self) -> int:
        return len(thunderbird.profiles(self._home))

    @override
    def mail_here(self) -> list[str]:
        return [str(path) for path in thunderbird.profiles(self._home) if is_profile(path)]

    @override
    async def trust(self) -> int:
        return await asyncio.to_thread(thunderbird.trust, self._home, self._root_file)

    @override
    async def system_trust(self) -> system_trust.Told:
        return await asyncio.to_thread(system_trust.look, self._root_file.parent)
