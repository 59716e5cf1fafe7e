"""``mx-home init``: a folder with a configuration and the domain's key, and the record to publish."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nacl.signing import SigningKey

from mx_core.db.durable import make_folder, write_new
from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.peers_file import StaticPeer, render_peer
from mx_core.discovery.txt import OWNER_LABEL, TxtRecord, render_record
from mx_core.homeserver.config import (
    FILE_NAME,
    KEY_FILE_NAME,
    ROLE_KEY_FILE_NAME,
    Config,
    load,
    parse,
)
from mx_core.homeserver.domain import domain_key
from mx_core.homeserver.domain.domain_key import AlreadyThere
from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress, BadConfiguration

_TTL_SECONDS: Final = 300
_TEMPLATE: Final = """\
# mx-home of {domain}.  All keys and their defaults: docs/guide/home-server.md
domain = {domain_text}
host = {host_text}
{public}
[ports]
hello = {hello}
federation = {federation}
client = {client}
{discovery}"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``init`` was asked for."""

    domain: str
    host: str
    public_host: str
    port_base: int | None
    peers: Path | None
    nameserver: str


def initialise(folder: Path, wanted: Wanted) -> Config:
    """Make *folder* a home server's.

    Raises:
        AlreadyThere: It is one already; nothing is changed.
        BadConfiguration: What was asked for can not be.
    """
    try:
        domain = canonical_domain(wanted.domain)
    except BadAddress as error:
        raise BadConfiguration(str(error)) from error
    path = folder / FILE_NAME
    if path.exists():
        raise AlreadyThere(
            f"{path} exists already: this folder is a home server's (mx-home doctor --dir {folder})"
        )
    text = _configuration(domain, wanted)
    try:
        make_folder(folder)
        folder.chmod(0o700)
    except OSError as error:
        raise BadConfiguration(f"{folder} cannot be made: {error.strerror}") from error
    # Crash between the files: keys without a configuration; the next init says so, and nobody
    # can have heard of the keys.
    domain_key.make(folder / KEY_FILE_NAME)
    domain_key.make(folder / ROLE_KEY_FILE_NAME)
    write_new(path, (text.encode(),))
    return load(folder)


def txt_record(config: Config, *keys: bytes) -> str:
    """Return the DNS record that makes this domain findable.  docs/spec/discovery.md §2."""
    value = render_record(TxtRecord(keys, _hello(config)))
    return f'{OWNER_LABEL}.{config.domain}. {_TTL_SECONDS} IN TXT "{value}"'


def peers_stanza(config: Config, public_key: bytes) -> str:
    """Return what another server's static peers file says of this domain."""
    return render_peer(config.domain, StaticPeer(public_key, _hello(config)))


def public_key_of(folder: Path) -> bytes:
    """Return the domain's public key; raises as ``domain_key.load``."""
    return bytes(_key(folder).verify_key)


def _key(folder: Path) -> SigningKey:
    return domain_key.load(domain_key.place(folder)).reveal()


def _hello(config: Config) -> Endpoint:
    return Endpoint(config.dialled_host, config.ports.hello)


def _configuration(domain: str, wanted: Wanted) -> str:
    base = 8443 if wanted.port_base is None else wanted.port_base
    tree: dict[str, object] = {
        "domain": domain,
        "host": wanted.host,
        "public_host": wanted.public_host,
        "ports": {"hello": base, "federation": base + 1, "client": base + 2},
    }
    parse(tree, "init")
    discovery = ""
    if wanted.peers is not None:
        discovery += f"peers = {_quoted(str(wanted.peers.absolute()))}\n"
    if wanted.nameserver:
        discovery += f"nameserver = {_quoted(wanted.nameserver)}\n"
    return _TEMPLATE.format(
        domain=domain,
        domain_text=_quoted(domain),
        host_text=_quoted(wanted.host),
        public=f"public_host = {_quoted(wanted.public_host)}\n" if wanted.public_host else "",
        hello=base,
        federation=base + 1,
        client=base + 2,
        discovery=f"\n[discovery]\n{discovery}" if discovery else "",
    )


def _quoted(text: str) -> str:
    return json.dumps(text)  # a JSON string is a TOML basic string
