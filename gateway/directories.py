"""Where the gateway keeps things: XDG directories, systemd's variables first, ``--home`` before all.

config   config.toml
data     master.key, accounts/<id>/, ca/, spool/
runtime  control.sock
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from mx_core.db.durable import make_folder
from mx_core.model.errors import BadConfiguration


class Directories(Struct, frozen=True):
    """The three directories of one gateway, each 0700."""

    config: Path
    data: Path
    runtime: Path

    @property
    def config_file(self) -> Path:
        """The TOML file; it may be absent."""
        return self.config / "config.toml"

    @property
    def accounts(self) -> Path:
        """One directory of random name for each account."""
        return self.data / "accounts"

    @property
    def spool(self) -> Path:
        """Where ``sendmail`` leaves messages, sealed."""
        return self.data / "spool"

    @property
    def control_socket(self) -> Path:
        """Where the daemon listens for its command line."""
        return self.runtime / "control.sock"

    def prepare(self) -> None:
        """Make what is missing.

        Raises:
            BadConfiguration: A directory cannot be made, or others may enter it; exit 78.
        """
        for directory in (self.config, self.data, self.runtime, self.accounts):
            try:
                make_folder(directory)
                mode = directory.stat().st_mode
            except OSError as error:
                raise BadConfiguration(f"cannot use the directory {directory}: {error}") from error
            if directory in (self.data, self.runtime) and mode & 0o077:
                raise BadConfiguration(
                    f"{directory} is open to other users; close it with: chmod 700 {directory}"
                )


def directories(home: Path | None = None) -> Directories:
    """Return the directories: all below *home* if given, else by systemd and XDG."""
    if home is not None:
        return Directories(home / "config", home / "data", home / "run")
    user = Path.home()

    def chosen(systemd: str, xdg: str, fallback: Path) -> Path:
        if own := os.environ.get(systemd):
            return Path(own)
        base = os.environ.get(xdg)
        return (Path(base) if base else fallback) / "mx-gateway"

    data = chosen("STATE_DIRECTORY", "XDG_DATA_HOME", user / ".local" / "share")
    return Directories(
        config=chosen("CONFIGURATION_DIRECTORY", "XDG_CONFIG_HOME", user / ".config"),
        data=data,
        runtime=chosen("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", data / "run"),
    )
