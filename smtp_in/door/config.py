"""``mx-door.toml``: read once at start, checked whole, immutable after.

It may be missing: a door needs nothing but its home server.  Every problem of the file is told at
once, and an unknown key comes with the nearest known one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from mx_core.model.address import Address, canonical_domain
from mx_core.model.errors import BadAddress, BadConfiguration
from mx_core.program.configuration import converted, read_toml
from mx_core.program.log_settings import Log
from mx_core.resolver.settings import ResolverSettings, parse_nameserver
from smtp_in.door.limits import Limits

FILE_NAME: Final = "mx-door.toml"
HOME_SOCKET_NAME: Final = "home.sock"  # of the home server, in the folder of the door
_PORT_MAX: Final = 65_535
_MESSAGE_OCTETS_MAX: Final = 60 * 1024 * 1024  # sealed, it must fit into what a home server takes


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The certificate that STARTTLS shows; without one it is made at each start, signed by itself."""

    certificate: str = ""  # a file: the chain, PEM
    key: str = ""  # a file, PEM; read again at SIGHUP


class Judging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of the DNS, and what follows from the answers."""

    nameserver: str = ""  # "127.0.0.1:53"; empty: the system's resolvers
    seconds: float = 20.0  # for everything that is judged of one message
    forwarders: tuple[str, ...] = ()  # domains whose ARC seal is believed: "google.com"
    refuse_failed: bool = False  # 550 where DMARC fails and the author's domain says reject


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    host: str = "0.0.0.0"
    port: int = 25
    name: str = ""  # what the greeting says; empty: the domain
    aliases: dict[str, str] = {}  # local parts beside the people's: postmaster = "alice"
    tls: Tls = Tls()
    judging: Judging = Judging()
    limits: Limits = Limits()
    log: Log = Log()


def load(folder: Path) -> Config:
    """Return the configuration in *folder*; raises BadConfiguration with all problems."""
    path = folder / FILE_NAME
    try:
        tree = read_toml(path)
    except FileNotFoundError:
        tree = {}
    return parse(tree, str(path))


def parse(tree: dict[str, Any], name: str) -> Config:
    """Return the configuration that *tree* holds; *name* stands in sentences."""
    return converted(tree, Config, name, _wrong_values)


def resolver_of(config: Config, lifetime_seconds: float = 5.0) -> ResolverSettings:
    """Return whom the judgements ask, and for how long a question may take."""
    where = parse_nameserver(config.judging.nameserver, "judging.nameserver")
    return replace(where, timeout_seconds=lifetime_seconds / 2, lifetime_seconds=lifetime_seconds)


def _wrong_values(config: Config) -> list[str]:
    problems: list[str] = []
    if not 0 < config.port <= _PORT_MAX:
        problems.append(f"port is a number from 1 to {_PORT_MAX}")
    if bool(config.tls.certificate) != bool(config.tls.key):
        problems.append("tls.certificate and tls.key are given together, or neither")
    for domain in (*config.judging.forwarders, *([config.name] if config.name else [])):
        try:
            if canonical_domain(domain) != domain:
                problems.append(f"{domain!r} must be written {canonical_domain(domain)!r}")
        except BadAddress as error:
            problems.append(str(error))
    for local, whose in config.aliases.items():
        problems += [
            f"aliases: {each!r} is no local part in lower case"
            for each in (local, whose)
            if not _is_local(each)
        ]
    problems += [
        f"limits.{field} must be more than 0"
        for field in Limits.__struct_fields__
        if field != "tarpit_seconds" and getattr(config.limits, field) <= 0
    ]
    if config.limits.tarpit_seconds < 0 or config.judging.seconds <= 0:
        problems.append("times are not below 0")
    if config.limits.message_octets > _MESSAGE_OCTETS_MAX:
        problems.append(f"limits.message_octets is at most {_MESSAGE_OCTETS_MAX}")
    try:
        resolver_of(config)
    except BadConfiguration as error:
        problems.append(str(error))
    return problems


def _is_local(text: str) -> bool:
    try:
        return str(Address.parse(f"{text}@x.example").canonical()) == f"{text}@x.example"
    except BadAddress:
        return False
