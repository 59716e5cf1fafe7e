"""What a person named as a source, opened."""

from __future__ import annotations

from pathlib import Path

from gateway.migration.importing import Asked
from gateway.migration.local.source import LocalSource
from gateway.migration.source import Source
from mx_core.model.errors import Refused


def open_source(asked: Asked) -> Source:
    """Return the source; raises Refused."""
    path = Path(asked.source)
    if not path.is_absolute():
        raise Refused("a source is an absolute path")
    return LocalSource(path)
