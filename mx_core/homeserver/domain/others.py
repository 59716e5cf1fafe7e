"""How this home server looks for others: its settings become a ``Finder``."""

from __future__ import annotations

import time
from pathlib import Path

from mx_core.discovery.finder import Finder, KeyMemory
from mx_core.discovery.web_settings import WebSettings
from mx_core.homeserver.config import Config
from mx_core.model.clock import Now
from mx_core.resolver.settings import parse_nameserver


def finder_of(folder: Path, config: Config, memory: KeyMemory, now: Now = time.time) -> Finder:
    """Return the finder; *memory* keeps the keys that domains had.

    Raises:
        BadConfiguration: The nameserver is no address with or without a port.
    """
    settings = config.discovery
    return Finder(
        resolver=parse_nameserver(settings.nameserver, "discovery.nameserver"),
        peers=folder / settings.peers if settings.peers else None,
        memory=memory,
        web=WebSettings(allow_private=settings.allow_private),
        now=now,
    )
