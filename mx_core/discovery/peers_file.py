"""Peers that the operator names in a file, so that neither DNS nor the web is asked.

    [peers."b.example"]
    key = "ed25519:<base64>"
    hello = "host:port"

For tests, for the demo, and for domains that agreed on keys in person.  docs/spec/discovery.md §4.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Final

from msgspec import Struct

from mx_core.discovery.endpoint import Endpoint, parse_endpoint
from mx_core.discovery.txt import key_text, parse_key
from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress, BadConfiguration, Untrusted

_FIELDS: Final = ("key", "hello")


class StaticPeer(Struct, frozen=True):
    """One domain's key and hello endpoint, by the operator's word."""

    key: bytes
    hello: Endpoint


def render_peer(domain: str, peer: StaticPeer) -> str:
    """Return the stanza that names *peer*, to be put into somebody's peers file."""
    return f'[peers."{domain}"]\nkey = "{key_text(peer.key)}"\nhello = "{peer.hello}"\n'


def parse_peers(text: str) -> dict[str, StaticPeer]:
    """Return the peers that *text* names.

    Raises:
        BadConfiguration: With one sentence that names the place.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"the peers file is not TOML: {error}") from error
    peers = content.pop("peers", {})
    if content or not isinstance(peers, dict):
        raise BadConfiguration('the peers file holds tables [peers."domain"] and nothing else')
    return {_domain(name): _peer(name, fields) for name, fields in peers.items()}


class PeersFile:
    """The file at *path*, read again when it has changed; one that does not exist names nobody."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._peers: dict[str, StaticPeer] = {}

    def get(self, domain: str) -> StaticPeer | None:
        """Return what the file says of *domain*; raises BadConfiguration."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._peers = parse_peers(self._path.read_text("utf-8"))
                self._stamp = stamp
        except FileNotFoundError:
            self._peers, self._stamp = {}, None
        except (OSError, UnicodeDecodeError) as error:
            raise BadConfiguration(f"the peers file {self._path} cannot be read") from error
        return self._peers.get(domain)


def _domain(name: str) -> str:
    try:
        if canonical_domain(name) == name:
            return name
    except BadAddress:
        pass
    raise BadConfiguration(f"{name!r} in the peers file is not a domain in lower-case A-labels")


def _peer(name: str, fields: object) -> StaticPeer:
    if not isinstance(fields, dict):
        raise BadConfiguration(f'"{name}" in the peers file must be a table')
    for field in fields:
        if field not in _FIELDS:
            near = difflib.get_close_matches(field, _FIELDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise BadConfiguration(f"{field!r} of {name} in the peers file is unknown{hint}")
    key, hello = fields.get("key"), fields.get("hello")
    if not isinstance(key, str) or not isinstance(hello, str):
        raise BadConfiguration(f"{name} in the peers file needs key and hello, both texts")
    try:
        return StaticPeer(parse_key(key), parse_endpoint(hello))
    except Untrusted as error:
        raise BadConfiguration(f"{name} in the peers file: {error}") from error
