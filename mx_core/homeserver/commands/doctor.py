"""``mx-home doctor``: is this home server as it should be, seen from its folder and from outside?

Each finding is one sentence, and for each that is bad a second one says what to do.  Nothing is
changed.  What can not be known because something before it is wrong is not asked.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import ssl
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

from mx_core.control.client import ControlClient
from mx_core.discovery.continuity import How
from mx_core.discovery.finder import ProcessMemory
from mx_core.homeserver.commands.initialise import txt_record
from mx_core.homeserver.config import (
    FILE_NAME,
    ROLE_KEY_FILE_NAME,
    SOCKET_NAME,
    Config,
    load,
)
from mx_core.homeserver.domain import domain_key, domain_keys
from mx_core.homeserver.domain.domain_key import KeyNotPrivate
from mx_core.homeserver.domain.others import finder_of
from mx_core.homeserver.queue.peer_times import PeersSay
from mx_core.homeserver.storage.chosen import depot_of
from mx_core.homeserver.storage.depot import new_place
from mx_core.model.errors import (
    BadConfiguration,
    MailError,
    PeerUnreachable,
    UnknownRecipient,
    Untrusted,
)
from mx_core.notation.hashing import b2_plain
from mx_core.program.finding import Finding
from mx_core.tls.peer import verify_leaf

_CONNECT_SECONDS: Final = 5.0
_ROOMY: Final = 4  # times the floor, below which mail is refused
_CLOCK_SECONDS: Final = 60.0  # more than an answer takes, and less than anybody minds
_SET_CLOCK: Final = "set the clock, and let it be kept: timedatectl set-ntp true"


async def examine(folder: Path) -> AsyncIterator[Finding]:
    """Yield findings, from the folder outwards."""
    try:
        config = load(folder)
    except BadConfiguration as error:
        yield Finding(str(error), _begin(folder / FILE_NAME))
        return
    yield Finding(f"{folder / FILE_NAME} is good")
    path = domain_key.place(folder)
    try:
        public_key = bytes(domain_key.load(path).reveal().verify_key)
    except KeyNotPrivate as error:
        yield Finding(str(error), f"chmod 600 {path}, as the user that runs mx-home")
        return
    except BadConfiguration as error:
        yield Finding(str(error), "copy domain.key back from a backup; a new one is a new domain")
        return
    yield Finding(f"{path} is readable by its owner alone")
    if (roles := domain_key.place(folder, ROLE_KEY_FILE_NAME)).exists():
        yield _private(roles)
    yield _folder(folder)
    for theirs in _of_others(folder):
        yield theirs
    yield _disk(folder, config)
    if config.storage.in_bucket:
        yield await _bucket(folder, config)
    yield _clock(path)
    try:
        told: Any = await asyncio.to_thread(
            ControlClient(folder / SOCKET_NAME, "mx-home").get, "/status"
        )
    except MailError as error:
        yield Finding(str(error), f"systemctl start mx-home, or: mx-home serve --dir {folder}")
        return
    yield Finding(f"it runs: {told['users']} people, {told['outgoing']} messages wait to leave")
    yield _clock_of_peers(
        PeersSay(told["peers_told_time"], told["clock_ahead_seconds"], told["peers_look_expired"])
    )
    if (no_address := await _address(config)).do:
        yield no_address
    else:
        for name in ("hello", "federation", "client"):
            yield await _port(config, name)
        yield await _certificate(config, public_key)
    yield await _found(folder, config, public_key)


def _begin(path: Path) -> str:
    try:
        there = path.exists()
    except PermissionError:
        there = True
    if not there:
        return f"mx-home init --dir {path.parent} --domain YOUR.DOMAIN"
    if not os.access(path, os.R_OK):
        return "type it as root, or as the user that runs mx-home"
    return f"change {path}"


def _private(path: Path) -> Finding:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding(
            f"others may read {path}", f"chmod 600 {path}, as the user that runs mx-home"
        )
    return Finding(f"{path} is readable by its owner alone")


def _folder(folder: Path) -> Finding:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return Finding(f"others may look into {folder}", f"chmod 700 {folder}")
    return Finding(f"{folder} is closed to others")


def _of_others(folder: Path) -> Iterator[Finding]:
    """Look for files that the server can not use: a folder and what is in it have one owner."""
    owner = folder.stat()
    for path in sorted(folder.iterdir()):
        if path.lstat().st_uid != owner.st_uid:
            yield Finding(
                f"{path} is not its whose {folder} is", f"chown --reference={folder} {path}"
            )


def _disk(folder: Path, config: Config) -> Finding:
    free, floor = shutil.disk_usage(folder).free, config.limits.free_disk_octets
    said = f"{free // 1_000_000:,} MB are free; below {floor // 1_000_000:,} MB no mail is taken"
    if free < _ROOMY * floor:
        return Finding(said, "make room on that disk, or lower limits.free_disk_octets")
    return Finding(said)


async def _bucket(folder: Path, config: Config) -> Finding:
    """Put a body into the bucket, take it out, remove it."""
    octets = secrets.token_bytes(64)
    place = new_place(b2_plain(octets))
    try:
        depot = depot_of(folder, config)
    except BadConfiguration as error:
        return Finding(str(error), "pip install 'mx-gateway[s3]'")
    try:
        await depot.put(place, octets)
        kept = await depot.piece(place, 0, len(octets)) == octets
        async for _ in depot.found():
            break  # one page: whether it may be listed at all
        await depot.remove(place)
    except MailError as error:
        return Finding(
            f"{depot.sentence} takes no large bodies: {error}",
            "see that storage.blobs and blobs_endpoint are right, and that the key in"
            " AWS_ACCESS_KEY_ID may put, get, delete and list there",
        )
    finally:
        await depot.close()
    if not kept:
        return Finding(
            f"{depot.sentence} does not give back what was put into it",
            "use a service that shows an object as soon as it has confirmed it",
        )
    return Finding(f"{depot.sentence} takes large bodies and gives them back")


def _clock(key: Path) -> Finding:
    """Look for a clock that is behind: peers do not believe a certificate from the past."""
    behind = key.stat().st_mtime - time.time()
    if behind > 0:
        return Finding(
            f"the clock is {behind:,.0f} s or more behind: the domain key is from the future",
            _SET_CLOCK,
        )
    return Finding("the clock is not behind the domain key")


def _clock_of_peers(say: PeersSay) -> Finding:
    """Hold the clock against what peers have told of theirs since the start."""
    peers = f"{say.peers} other server{'s' if say.peers != 1 else ''}"
    if say.peers and abs(say.ahead) > _CLOCK_SECONDS:
        where = "ahead of" if say.ahead > 0 else "behind"
        return Finding(f"the clock is {abs(say.ahead):,.0f} s {where} that of {peers}", _SET_CLOCK)
    if say.peers:
        return Finding(f"the clock agrees with that of {peers}")
    if say.expired:
        return Finding(
            f"what {say.expired} other servers show looks expired, or not yet good, and nothing does"
            " not: the clock may be wrong by days",
            f"compare with another machine what date -u says; {_SET_CLOCK}",
        )
    return Finding("no other server has told its time yet: whether the clock is ahead is not known")


async def _address(config: Config) -> Finding:
    host = config.dialled_host
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return Finding(
            f"{host} has no address: nobody can dial it",
            f"publish an A or AAAA record of {host}, with the address of this machine",
        )
    return Finding(f"{host} has an address")


async def _port(config: Config, name: str) -> Finding:
    host, port = config.dialled_host, getattr(config.ports, name)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError):
        return Finding(
            f"{host} does not answer at port {port} ({name})",
            f"open TCP port {port} in the firewall, and let {host} point here",
        )
    return Finding(f"{host} answers at port {port} ({name})")


async def _certificate(config: Config, public_key: bytes) -> Finding:
    """Look at the certificate that devices are shown, as they do."""
    host, port = config.dialled_host, config.ports.client
    try:
        shown = await asyncio.to_thread(_shown, host, port, config.domain)
        leaf = verify_leaf(shown, config.domain, [public_key], time.time())
    except OSError:
        return Finding(
            f"{host} speaks no TLS at port {port} (client)",
            f"let TCP port {port} of {host} lead here as it is, without a proxy that ends TLS",
        )
    except Untrusted as error:
        return Finding(
            f"the certificate at {host}, port {port}, is not believed: {error}",
            "restart mx-home after a change of keys; see that the clock is right, and that"
            f" {host} leads here and to no other server",
        )
    days = (leaf.not_after - time.time()) / 86_400
    return Finding(f"the certificate is good, and for {days:.1f} days; it renews itself")


def _shown(host: str, port: int, domain: str) -> bytes:
    """Return the certificate in DER; ours are judged by the domain key, not by a list of anchors."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, port), _CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=domain) as tls,
    ):
        return tls.getpeercert(binary_form=True) or b""


async def _found(folder: Path, config: Config, public_key: bytes) -> Finding:
    """Look this domain up as a stranger does: record, key, certificate, document."""
    keys = domain_keys.load(folder, public_key)
    publish = f"publish: {txt_record(config, *keys.published)}"
    try:
        found = await finder_of(folder, config, ProcessMemory()).find(config.domain)
    except UnknownRecipient:
        return Finding(f"{config.domain} has no record: nobody finds it", publish)
    except Untrusted as error:
        return Finding(f"strangers do not believe {config.domain}: {error}", publish)
    except PeerUnreachable as error:
        return Finding(str(error), "see that DNS answers and that port hello can be reached")
    if public_key not in found.keys:
        return Finding(f"the record of {config.domain} names another key", publish)
    if (found.hello.host, found.hello.port) != (config.dialled_host, config.ports.hello):
        return Finding(f"the record of {config.domain} points at another server", publish)
    how = {
        How.DNSSEC: "by DNSSEC",
        How.HTTPS: "by its well-known page; with DNSSEC no page would be needed",
        How.STATIC: "by the static peers file: nobody without that file finds it",
    }
    return Finding(f"strangers find {config.domain} and its key, {how[found.how]}")
