"""Which depot the configuration names, and where uploads under way are kept beside it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mx_core.homeserver.config import Config
from mx_core.homeserver.storage.depot import Depot
from mx_core.homeserver.storage.files import Files
from mx_core.model.errors import BadConfiguration
from mx_core.notation.hashing import b2_plain

BLOBS_NAME: Final = "blobs"
_INCOMING_NAME: Final = "incoming"


def depot_of(folder: Path, config: Config) -> Depot:
    """Return the depot of the home server in *folder*; close it at the end.

    Raises:
        BadConfiguration: A bucket is named, and what speaks to it is not installed.
    """
    if not config.storage.in_bucket:
        return files_of(folder, config)
    try:
        from mx_core.homeserver.storage.bucket import Bucket  # noqa: PLC0415  # only with the extra
    except ImportError as error:
        raise BadConfiguration(
            "storage.blobs names a bucket and needs the extra s3: pip install 'mx-gateway[s3]'"
        ) from error
    url = urlsplit(config.storage.blobs)
    above = url.path.strip("/")
    return Bucket(
        url.netloc,
        # under the domain: what a home server does not know there it removes
        f"{above}/{config.domain}/" if above else f"{config.domain}/",
        endpoint=config.storage.blobs_endpoint,
        region=config.storage.blobs_region,
    )


def files_of(folder: Path, config: Config) -> Files:
    """Return the folder of bodies, which no bucket stands for."""
    return Files(folder / (config.storage.blobs or BLOBS_NAME))


def incoming_of(folder: Path, config: Config, *, shared: bool) -> Path:
    """Return where uploads under way are: of one process, each goes on with its own."""
    if config.storage.in_bucket:
        return folder / _INCOMING_NAME
    beside = folder / (config.storage.blobs or BLOBS_NAME)
    return beside / (f"{_INCOMING_NAME}-{_name_of(folder)}" if shared else _INCOMING_NAME)


def _name_of(folder: Path) -> str:
    """Return what tells this process from others that share its folder of large bodies."""
    return b2_plain(f"{socket.gethostname()} {folder.absolute()}".encode()).hex()[:16]
