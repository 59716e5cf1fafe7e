"""Thunderbird on this computer: its profiles, and the certificate that they may be told to trust.

``certutil`` of NSS (Debian: libnss3-tools) writes into a profile, also while Thunderbird runs.  Nothing is
written unasked.  The authority can sign for this computer alone (``gateway.loopback.local_ca``).
"""

from __future__ import annotations

import configparser
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mx_core.model.errors import Refused, Unavailable

_TOOL: Final = "certutil"
_SECONDS: Final = 20.0
# of Debian and its like, of Flatpak, of Snap
_PLACES: Final = (
    ".thunderbird",
    ".var/app/org.mozilla.Thunderbird/.thunderbird",
    "snap/thunderbird/common/.thunderbird",
)
_TRUSTED: Final = "C,,"  # an authority for servers, and for nothing else
_FINGERPRINT_OCTETS: Final = 8
_FILE_OCTETS_MAX: Final = 64 * 1024


def profiles(home: Path) -> list[Path]:
    """Return the profiles of the person whose home directory is *home*, each once."""
    found = dict.fromkeys(path for place in _PLACES for path in _listed(home / place))
    return [path for path in found if path.is_dir()]


def _listed(folder: Path) -> Iterator[Path]:
    """Yield what ``profiles.ini`` of *folder* names; one that cannot be read names nothing."""
    told = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with (folder / "profiles.ini").open(encoding="utf-8") as file:
            told.read_string(file.read(_FILE_OCTETS_MAX))
    except (OSError, ValueError, configparser.Error):
        return
    for name in told.sections():
        section = told[name]
        if name.startswith("Profile") and (path := section.get("Path", "")):
            yield folder / path if section.get("IsRelative", "1") == "1" else Path(path)


def can_be_told() -> bool:
    """Tell whether there is a program that writes into a profile."""
    return shutil.which(_TOOL) is not None


def trust(home: Path, root_file: Path) -> int:
    """Let every profile trust the authority of *root_file*; return how many there are.

    Raises:
        Refused: There is no profile.
        Unavailable: ``certutil`` is missing, or a profile did not take it: behind a primary password, or closed to us.
    """
    found = profiles(home)
    if not found:
        raise Refused(
            "no profile of Thunderbird is to be seen from here: start Thunderbird once, then type"
            " mx-gateway client thunderbird ADDRESS --trust"
        )
    if not can_be_told():
        raise Unavailable(
            "certutil is missing (Debian: libnss3-tools); or import the certificate in Thunderbird,"
            f" Settings, Privacy & Security, Certificates: {root_file}"
        )
    for profile in found:
        if not _ran(profile, "-A", "-n", _name(root_file), "-t", _TRUSTED, "-i", str(root_file)):
            raise Unavailable(
                f"the profile {profile.name} did not take the certificate; import it in Thunderbird,"
                f" Settings, Privacy & Security, Certificates: {root_file}"
            )
    return len(found)


def distrust(home: Path, root_file: Path) -> int:
    """Take the authority of *root_file* out of every profile again; return of how many."""
    if not (root_file.exists() and can_be_told()):
        return 0
    name = _name(root_file)
    return sum(_ran(profile, "-D", "-n", name) for profile in profiles(home))


def _name(root_file: Path) -> str:
    """Return what a profile calls the authority: two gateways of one person do not share a name."""
    root = x509.load_pem_x509_certificate(root_file.read_bytes())
    return f"mx-gateway {root.fingerprint(hashes.SHA256())[:_FINGERPRINT_OCTETS].hex()}"


def _ran(profile: Path, *arguments: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  # a program of the system, by its name
            [shutil.which(_TOOL) or _TOOL, "-d", f"sql:{profile}", *arguments],
            stdin=subprocess.DEVNULL,  # it asks for a primary password there, and gets none
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
