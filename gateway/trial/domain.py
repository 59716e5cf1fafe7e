"""The domain of a trial, and how its accounts find it: by a file of their own, and nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gateway.config import Config, Discovery

DOMAIN: Final = "me.localhost"  # RFC 6761 §6.3: no name of anybody's, in no DNS


def folder_of(data: Path) -> Path:
    """Return where the trial of the gateway with the data directory *data* is."""
    return data / "trial"


def peers_of(data: Path) -> Path:
    """Return the file that names the trial's home server; written last, so it says that all is made."""
    return folder_of(data) / "peers.toml"


def config_for(config: Config, domain: str, data: Path) -> Config:
    """Return *config* as an account at *domain* has it.

    An account of a trial reaches its own domain alone: whoever it wrote to elsewhere could neither
    prove who that was, nor answer.
    """
    if domain != DOMAIN:
        return config
    found = Discovery(peers=str(peers_of(data)), closed=True)
    return msgspec.structs.replace(config, discovery=found)


class Roads(Struct, frozen=True):
    """How each domain is found by an account that may move out of a trial: the trial's own by its file alone."""

    config: Config  # the gateway's
    data: Path

    def to(self, domain: str) -> Discovery:
        """Return how *domain* is found."""
        return config_for(self.config, domain, self.data).discovery

    def is_over(self, domain: str) -> bool:
        """Tell whether *domain* was a trial that is not here any more."""
        return domain == DOMAIN and not peers_of(self.data).exists()
