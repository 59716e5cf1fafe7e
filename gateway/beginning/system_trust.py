"""The certificates that this whole computer trusts: what to type so that the gateway's is among them.

Only an administrator may change that list, so the gateway changes nothing and never asks for such
rights: it says the command, and looks whether it has worked.  The authority can sign for this
computer alone (``gateway.loopback.local_ca``).
"""

from __future__ import annotations

import shlex
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from msgspec import Struct

_NAMED: Final = "mx-gateway-"
_FINGERPRINT_OCTETS: Final = 8
_BUNDLE_OCTETS_MAX: Final = 8 * 1024 * 1024
_TURNS: Final = 4  # of a handshake in memory, each side


class Layout(Struct, frozen=True):
    """Where a kind of system keeps the list: *anchors* the administrator's part, *bundle* the whole."""

    anchors: Path
    bundle: Path
    add: str  # makes the list anew when something was added
    take: str  # ... and when something was taken away


LAYOUTS: Final = (
    Layout(  # Debian, Ubuntu and what comes of them
        Path("/usr/local/share/ca-certificates"),
        Path("/etc/ssl/certs/ca-certificates.crt"),
        "update-ca-certificates",
        "update-ca-certificates --fresh",
    ),
    Layout(  # Fedora and its like
        Path("/etc/pki/ca-trust/source/anchors"),
        Path("/etc/pki/tls/certs/ca-bundle.crt"),
        "update-ca-trust",
        "update-ca-trust",
    ),
    Layout(  # Arch
        Path("/etc/ca-certificates/trust-source/anchors"),
        Path("/etc/ssl/certs/ca-certificates.crt"),
        "update-ca-trust",
        "update-ca-trust",
    ),
)


class Told(Struct, frozen=True):
    """*trusted*: programs of this computer believe the gateway; what to type to add it, to take it out.

    Both are empty where the system is of no kind that is known here.
    """

    trusted: bool
    add: str
    take: str


def look(ca: Path, layouts: tuple[Layout, ...] = LAYOUTS) -> Told:
    """Return how it stands with the authority in the directory *ca*."""
    placed = _placed(ca, layouts)
    if placed is None:
        return Told(trusted=False, add="", take="")
    layout, anchor = placed
    source, target = shlex.quote(str(ca / "root.pem")), shlex.quote(str(anchor))
    return Told(
        _verifies(ca / "leaf.pem", layout.bundle),
        f"sudo cp {source} {target} && sudo {layout.add}",
        f"sudo rm {target} && sudo {layout.take}",
    )


def to_take_back(ca: Path, layouts: tuple[Layout, ...] = LAYOUTS) -> str:
    """Return what takes the authority in *ca* out again; "" if nobody has put it there."""
    placed = _placed(ca, layouts)
    return look(ca, layouts).take if placed is not None and placed[1].exists() else ""


def _placed(ca: Path, layouts: tuple[Layout, ...]) -> tuple[Layout, Path] | None:
    """Return how this system is laid out, and which file there would be the authority."""
    layout = next((one for one in layouts if one.anchors.is_dir()), None)
    if layout is None or not (ca / "root.pem").is_file():
        return None
    return layout, layout.anchors / f"{_NAMED}{_fingerprint(ca / 'root.pem')}.crt"


def _fingerprint(root_file: Path) -> str:
    root = x509.load_pem_x509_certificate(root_file.read_bytes())
    return root.fingerprint(hashes.SHA256())[:_FINGERPRINT_OCTETS].hex()


def _verifies(leaf_file: Path, bundle: Path) -> bool:
    """Tell whether a program that trusts *bundle* takes the gateway for localhost: a handshake in memory."""
    try:
        if bundle.stat().st_size > _BUNDLE_OCTETS_MAX:
            return False
        ours, theirs = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            ssl.create_default_context(cafile=bundle),
        )
        ours.load_cert_chain(leaf_file)
    except (OSError, ssl.SSLError):
        return False
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ours.wrap_bio(up, down, server_side=True)
    client = theirs.wrap_bio(down, up, server_hostname="localhost")
    for _ in range(_TURNS):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return client.version() is not None and bool(client.getpeercert())
