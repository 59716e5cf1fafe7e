"""Takes everything of a gateway off this computer, but what the person asks to keep."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection
from pathlib import Path

from gateway.beginning import thunderbird
from gateway.directories import Directories
from gateway.unlocking import keyring
from gateway.unlocking.master_key import Method, method_of
from mx_core.control.client import ControlClient
from mx_core.db.lock import ProcessLock
from mx_core.model.errors import PeerUnreachable, Refused, Unavailable

KEEP = ("mail", "config")


def uninstall(directories: Directories, keep: Collection[str]) -> list[Path]:
    """Remove what is not in *keep* (of ``KEEP``); return the directories that are gone.

    Raises:
        Refused: The gateway is running.
    """
    _must_stand_still(directories)
    parts = {
        "mail": directories.data,
        "config": directories.config,
        "socket": directories.runtime,
    }
    if "mail" not in keep and method_of(directories.data) is Method.KEYRING:
        with contextlib.suppress(Unavailable):  # no session: the entry opens nothing any more
            keyring.clear(directories.data)
    if "mail" not in keep:
        thunderbird.distrust(Path.home(), directories.data / "ca" / "root.pem")
    gone = []
    for part in ("socket", "mail", "config"):
        path = parts[part]
        if part in keep or not path.exists():
            continue
        if part == "socket" and "mail" in keep and path.is_relative_to(directories.data):
            (path / "control.sock").unlink(missing_ok=True)
            continue
        # Crash on the way: the same command takes the rest.
        shutil.rmtree(path)
        gone.append(path)
    home = directories.data.parent
    ours = home == directories.config.parent and home.is_dir()
    if ours and not any(home.iterdir()):
        home.rmdir()
    return gone


def _must_stand_still(directories: Directories) -> None:
    try:
        ControlClient(directories.control_socket, "mx-gateway").get("/status")
    except PeerUnreachable:
        pass
    else:
        raise Refused("mx-gateway is running: stop it first")
    accounts = directories.accounts
    for folder in accounts.iterdir() if accounts.is_dir() else ():
        if (folder / "mail.db.lock").exists():
            ProcessLock(folder / "mail.db.lock").release()
