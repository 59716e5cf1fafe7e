"""How this home server looks for others: its settings become a ``Finder``."""

from __future__ import annotations

import time
from pathlib import Path

from mx_core.discovery.dns import ResolverSettings
from mx_core.discovery.endpoint import parse_endpoint
from mx_core.discovery.finder import Finder, KeyMemory
from mx_core.discovery.well_known import WebSettings
from mx_core.homeserver.config import Config
from mx_core.model.clock import Now
from mx_core.model.errors import BadConfiguration, Untrusted


def finder_of(folder: Path, config: Config, memory: KeyMemory, now: Now = time.time) -> Finder:
    """Return the finder; *memory* keeps the keys that domains had.

    Raises:
        BadConfiguration: The nameserver is no ``host:port``.
    """
    settings = config.discovery
    resolver = ResolverSettings()
    if settings.nameserver:
        try:
            at = parse_endpoint(settings.nameserver)
        except Untrusted as error:
            raise BadConfiguration(
                f"discovery.nameserver {settings.nameserver!r} is not host:port"
            ) from error
        resolver = ResolverSettings(nameserver=at.host, port=at.port)
    return Finder(
        resolver=resolver,
        peers=folder / settings.peers if settings.peers else None,
        memory=memory,
        web=WebSettings(allow_private=settings.allow_private),
        now=now,
    )
