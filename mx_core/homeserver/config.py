"""``mx-home.toml``: read once at start, checked whole, immutable after.

Every problem of the file is told at once, and an unknown key comes with the nearest known one.
Secrets are never in it: the domain key is a file of its own, mode 0600.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress, BadConfiguration
from mx_core.program.configuration import converted, read_toml
from mx_core.program.log_settings import Log

FILE_NAME: Final = "mx-home.toml"
KEY_FILE_NAME: Final = "domain.key"
ROLE_KEY_FILE_NAME: Final = "roles.key"  # log, labels, witness
NEXT_KEY_FILE_NAME: Final = "domain-next.key"  # while the key is being changed
ROLLS_FILE_NAME: Final = "domain.rolls"  # old keys' words for their successors
SOCKET_NAME: Final = "control.sock"
DOOR_FOLDER: Final = "door"  # closed to others; the door asks at the socket in it
DOOR_SOCKET_NAME: Final = "home.sock"
_KIB: Final = 1024
_MIB: Final = 1024 * _KIB
_DAY: Final = 86_400
_PORT_MAX: Final = 65_535
_S3: Final = "s3://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?")
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it listens; all on ``host``."""

    hello: int = 8443  # first contact: server-authenticated TLS
    federation: int = 8444  # other home servers: mutual TLS
    client: int = 8445  # the gateways of this domain's people
    metrics: int = 0  # 0: none; else numbers for Prometheus, on loopback whatever host is
    site: int = 0  # 0: no well-known site; else plain HTTP, to stand behind a TLS proxy


class Discovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How other domains are found."""

    peers: str = ""  # static peers file, relative to the directory of this file
    nameserver: str = ""  # "127.0.0.1:5353"; empty: the system's resolvers
    allow_private: bool = False  # let the well-known fetch reach private addresses (tests)


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where rows and large bodies are kept."""

    database: str = ""  # postgresql://user@host/name, without a password; empty: a file here
    connections: int = 8  # to that server, of this process
    blobs: str = ""  # folder of large bodies, or "s3://bucket/prefix"; empty: blobs/ here
    blobs_endpoint: str = ""  # of a bucket: "https://s3.example.net"; empty: Amazon's own
    blobs_region: str = ""  # of a bucket; empty: AWS_DEFAULT_REGION, or us-east-1

    @property
    def in_bucket(self) -> bool:
        """Tell whether large bodies are objects, not files."""
        return self.blobs.startswith(_S3)


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sending to other domains.  RFC 5321 §4.5.4.1."""

    first_delay_seconds: float = 60.0
    longest_delay_seconds: float = 4 * 3600.0
    give_up_seconds: float = 5.0 * _DAY
    batch_items: int = 64
    batch_octets: int = _MIB
    batch_seconds: float = 0.02  # shortest time between two batches to one destination


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds; what crosses one is refused or deferred, and nothing dies."""

    envelope_octets: int = 64 * _KIB
    inline_body_octets: int = 256 * _KIB
    blob_octets: int = 64 * _MIB
    unused_blob_octets: int = 1024 * _MIB  # put and not (yet) named by an envelope
    mailbox_octets: int = 2048 * _MIB  # waiting for one person's devices
    outgoing_items: int = 10_000  # waiting to leave, for one person
    free_disk_octets: int = 64 * _MIB  # below it nothing new is accepted
    look_ups_per_user_hour: int = 600  # distinct names; a miss counts three
    look_ups_per_peer_hour: int = 3_000
    hello_per_minute: int = 6  # introductions from one /24 or /48
    sessions: int = 10_000  # challenges outstanding


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much in a minute, and how much at once; what is over it is asked to come later."""

    user_per_minute: int = 60  # envelopes that one person of ours sends
    user_burst: int = 60
    peer_per_minute: int = 12_000  # envelopes that arrive from one domain
    peer_burst: int = 3_000
    peer_mailbox_per_minute: int = 60  # … and of them for one mailbox: senders are sealed
    peer_mailbox_burst: int = 120
    stranger_per_minute: int = 2  # … without a token, for one mailbox: each has paid postage
    stranger_burst: int = 20
    door_per_minute: int = 120  # ordinary mail at the door, for one mailbox
    door_burst: int = 600
    exempt: tuple[str, ...] = ()  # domains neither counted nor asked for postage; "*": nobody is

    def counts(self, domain: str) -> bool:
        """Tell whether what *domain* sends is counted."""
        return domain not in self.exempt and "*" not in self.exempt


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ordinary mail on port 25, by mx-door: a program of its own."""

    enabled: bool = False  # a socket for it in door/


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    domain: str
    host: str = "127.0.0.1"  # address to listen on
    public_host: str = ""  # what others dial; empty: host
    ports: Ports = Ports()
    discovery: Discovery = Discovery()
    storage: Storage = Storage()
    queue: Queue = Queue()
    limits: Limits = Limits()
    rates: Rates = Rates()
    door: Door = Door()
    log: Log = Log()

    @property
    def dialled_host(self) -> str:
        """Return the host that the server document names."""
        return self.public_host or self.host


def load(folder: Path) -> Config:
    """Return the configuration in *folder*.

    Raises:
        BadConfiguration: There is none, or it has problems; all of them are in the sentence.
    """
    path = folder / FILE_NAME
    try:
        tree = read_toml(path)
    except FileNotFoundError as error:
        begin = f"mx-home init --dir {folder} --domain YOUR.DOMAIN"
        raise BadConfiguration(f"{path} does not exist: first {begin}") from error
    return parse(tree, str(path))


def parse(tree: dict[str, Any], name: str) -> Config:
    """Return the configuration that *tree* holds; *name* stands in sentences.

    Raises:
        BadConfiguration: With all problems found.
    """
    return converted(tree, Config, name, _wrong_values)


def _wrong_values(config: Config) -> list[str]:
    problems: list[str] = []
    try:
        if canonical_domain(config.domain) != config.domain:
            problems.append(f"domain must be written {canonical_domain(config.domain)!r}")
    except BadAddress as error:
        problems.append(f"domain: {error}")
    if config.host in _EVERYWHERE and not config.public_host:
        problems.append(f"public_host is needed when host is {config.host}: others can not dial it")
    ports = [getattr(config.ports, name) for name in ("hello", "federation", "client")]
    ports += [config.ports.site, config.ports.metrics]
    used = [port for port in ports if port != 0]
    if any(not 0 <= port <= _PORT_MAX for port in ports) or 0 in ports[:3]:
        problems.append(f"ports are numbers from 1 to {_PORT_MAX} (site and metrics may be 0)")
    elif len(set(used)) != len(used):
        problems.append("no two ports may be the same")
    problems += _wrong_storage(config.storage)
    for section in (config.queue, config.limits, config.rates):
        problems += [
            f"{field} must be more than 0"
            for field in section.__struct_fields__
            if field != "exempt" and getattr(section, field) <= 0
        ]
    return problems


def _wrong_storage(storage: Storage) -> list[str]:
    problems: list[str] = []
    if storage.connections <= 0:
        problems.append("connections must be more than 0")
    problems += _wrong_bucket(storage)
    if not storage.database:
        return problems
    try:
        url = urlsplit(storage.database)
        with_password = url.password is not None or "password" in parse_qs(url.query)
    except ValueError:
        return [*problems, "storage.database is no URL"]
    if url.scheme not in {"postgresql", "postgres"}:
        problems.append("storage.database begins with postgresql://")
    if with_password:
        problems.append("storage.database holds a password: put it into ~/.pgpass, mode 0600")
    return problems


def _wrong_bucket(storage: Storage) -> list[str]:
    if not storage.in_bucket:
        if storage.blobs_endpoint or storage.blobs_region:
            return ["storage.blobs_endpoint and blobs_region are of a bucket: blobs = s3://…"]
        return []
    problems: list[str] = []
    if not _BUCKET.fullmatch(storage.blobs.removeprefix(_S3)):
        problems.append("storage.blobs is s3://bucket or s3://bucket/prefix")
    if storage.blobs_endpoint:
        try:
            url = urlsplit(storage.blobs_endpoint)
            port_is_one = url.port is None or url.port > 0
        except ValueError:
            return [*problems, "storage.blobs_endpoint is no URL"]
        here = url.hostname in {"127.0.0.1", "::1", "localhost"}
        if url.username is not None or url.password is not None:
            problems.append(
                "storage.blobs_endpoint holds a key: put it where the AWS tools look for it,"
                " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if not url.hostname or not port_is_one or url.path.strip("/") or url.query:
            problems.append("storage.blobs_endpoint is a host and a port, nothing behind them")
        if url.scheme != "https" and not (url.scheme == "http" and here):
            problems.append("storage.blobs_endpoint begins with https:// (http:// on loopback)")
    return problems
