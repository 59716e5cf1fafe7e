"""What arrives while the gateway is locked: kept on this disk, sealed as it came, until unlocking.

A token that only collects stands in place of the device key, which nobody here can read then.  It
is asked for while the gateway is unlocked, holds thirty days, and opens neither the passport nor
sending.  docs/spec/unlock.md.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Final, Protocol

import structlog
from msgspec import Struct

from gateway.accounts.found_domains import resolver_of
from gateway.config import Config
from gateway.directories import Directories
from gateway.trial.domain import config_for
from gateway.unlocking.master_key import Method
from gateway.unlocking.vault import Vault
from mx_core import carrier_port
from mx_core.carriers.native.carrier import NativeCarrier
from mx_core.carriers.native.home import TokenHome
from mx_core.db.durable import make_folder, sync_directory, write_file
from mx_core.discovery.finder import Finder
from mx_core.discovery.web_settings import WebSettings
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import DiskFull, MailError, Refused, Unavailable, Untrusted
from mx_core.model.ids import EnvId
from mx_core.model.octets import whole
from mx_core.notation import cbor
from mx_core.notation.hashing import b2_plain

log = structlog.get_logger()

HOLDS_SECONDS: Final = 30 * 86_400
FILES_MAX: Final = 1_000
OCTETS_MAX: Final = 1 << 30
_RENEW_BEFORE_SECONDS: Final = 15 * 86_400
_TOKEN: Final = "collect"  # noqa: S105  # a name, not a secret
_INTAKE: Final = "intake"
_LOOK_SECONDS: Final = 3_600.0
_RETRY_SECONDS: Final = 30.0
_BODY_OCTETS: Final = 128 << 20


class Issuer(Protocol):
    """As much of the membership as a token needs."""

    async def collect_token(self, seconds: int) -> tuple[bytes, int]:
        """See ``Membership``."""


class Token(Struct, frozen=True):
    """What lets a locked gateway collect, and where."""

    domain: str
    token: bytes
    expires: int  # unix seconds

    @classmethod
    def read(cls, folder: Path) -> Token | None:
        """Return the token that lies in the account's *folder*; None if there is none."""
        try:
            match cbor.decode((folder / _TOKEN).read_bytes()):
                case [str() as domain, bytes() as token, int() as expires]:
                    return cls(domain, token, expires)
                case _:
                    return None
        except (OSError, Untrusted):
            pass
        return None

    def write(self, folder: Path) -> None:
        """Keep it in *folder*, for this user alone.

        Crash before this: the server knows one that nobody has; the next one replaces it.
        """
        write_file(folder / _TOKEN, cbor.encode([self.domain, self.token, self.expires]))


class Receiving:
    """Tokens while the gateway is unlocked, and what they collect while it is locked."""

    def __init__(self, directories: Directories, config: Config, vault: Vault, now: Now) -> None:
        """Nothing is asked before ``begin`` or ``keep``."""
        self._directories = directories
        self._config = config
        self._vault = vault
        self._now = now
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Collect for every account that has a token."""
        if self._config.unlock.receive_while_locked:
            self._tasks = [
                tasks.create_task(receive_locked(folder, self._config, self._now))
                for folder in sorted(self._directories.accounts.iterdir())
            ]

    def end(self) -> None:
        """Leave it to the accounts, which are opened now."""
        for task in self._tasks:
            task.cancel()

    async def keep(self, folder: Path, address: Address, issuer: Issuer) -> None:
        """Have a token that holds for two weeks at least, or none where none is wanted; for ever."""
        while True:
            try:
                await self.renew(folder, address, issuer)
            except (Unavailable, Refused, Untrusted) as error:
                log.info("collect_token_waits", why=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def renew(self, folder: Path, address: Address, issuer: Issuer) -> None:
        """As ``keep``, once; raises what the home server says.

        A token is worth its risk only where locking takes the key away.
        """
        held = self._vault.method in {Method.PASSPHRASE, Method.KEYRING}
        wanted = held and self._config.unlock.receive_while_locked
        await renew_token(folder, address.domain, issuer, self._now, wanted=wanted)


async def renew_token(folder: Path, domain: str, issuer: Issuer, now: Now, *, wanted: bool) -> None:
    """Have a token that holds for two weeks at least, or, unless it is *wanted*, none."""
    kept = await asyncio.to_thread(Token.read, folder)
    if kept is not None and kept.domain != domain:
        kept = None  # of a home server that the account has left; it runs out there
    if wanted and (kept is None or kept.expires < now() + _RENEW_BEFORE_SECONDS):
        token, expires = await issuer.collect_token(HOLDS_SECONDS)
        await asyncio.to_thread(Token(domain, token, expires).write, folder)
    elif not wanted and kept is not None:
        await issuer.collect_token(0)
        # Crash before this: revoked again, which changes nothing.
        (folder / _TOKEN).unlink(missing_ok=True)


async def receive_locked(folder: Path, config: Config, now: Now) -> None:
    """Collect for the account in *folder* until cancelled; ends at once without a token."""
    token = await asyncio.to_thread(Token.read, folder)
    if token is None:
        return
    config = config_for(config, token.domain, folder.parents[1])  # data/accounts/<id>
    await asyncio.to_thread(make_folder, folder / _INTAKE)
    finder = Finder(
        resolver=resolver_of(config.discovery),
        peers=Path(config.discovery.peers) if config.discovery.peers else None,
        closed=config.discovery.closed,
        web=WebSettings(allow_private=config.discovery.allow_private),
        now=now,
    )
    home = TokenHome(token.domain, token.token, finder.find, now)
    carrier = NativeCarrier(home, message_octets=_BODY_OCTETS, body_octets=_BODY_OCTETS)
    try:
        while now() < token.expires:
            try:
                await _collect(carrier, folder / _INTAKE)
            except MailError as error:
                log.info("locked_collecting_waits", why=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
    finally:
        await home.close()


async def _collect(carrier: carrier_port.Carrier, intake: Path) -> None:
    """Keep each envelope, then acknowledge it; notices of fate stay at the server."""
    async with aclosing(carrier.collect()) as deliveries:
        async for delivery in deliveries:
            if isinstance(delivery, carrier_port.Arrival):
                await asyncio.to_thread(keep, intake, delivery)
                # Crash before this: it is given again, and lands in the same file.
                await carrier.acknowledge([delivery.sequence])


def keep(intake: Path, arrival: carrier_port.Arrival) -> None:
    """Put *arrival* into the folder *intake*, on the disk when this returns.

    Raises:
        DiskFull: It holds as much as it may; the rest stays at the home server.
    """
    sizes = [path.stat().st_size for path in intake.iterdir()]
    if len(sizes) >= FILES_MAX or sum(sizes) + len(arrival.body) > OCTETS_MAX:
        raise DiskFull("no more is kept while the gateway is locked")
    octets = cbor.encode([arrival.peer_domain, arrival.envelope, whole(arrival.body)])
    write_file(intake / arrival.env_id.hex(), octets)


def kept(folder: Path) -> list[Path]:
    """Return the files that were kept for the account in *folder*, oldest first."""
    intake = folder / _INTAKE
    found = [p for p in intake.iterdir() if p.suffix != ".tmp"] if intake.is_dir() else []
    return sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name))


def drop(path: Path) -> None:
    """Forget what was taken in."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def arrival_of(path: Path) -> carrier_port.Arrival | None:
    """Return what a kept file holds; None if it is no arrival, which ``keep`` never wrote."""
    try:
        match cbor.decode(path.read_bytes()):
            case [str() as peer, bytes() as envelope, bytes() as body]:
                return carrier_port.Arrival(0, EnvId(b2_plain(envelope)), envelope, body, peer)
            case _:
                return None
    except Untrusted:
        pass
    return None
