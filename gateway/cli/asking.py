"""What a command asks the running gateway: what it refuses is one sentence, and ends the command."""

from __future__ import annotations

from typing import Any, Final

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient
from mx_core.model.errors import Refused

account_option: Final = click.option("--account", help="Whose; needed if there are several.")
SECONDS: Final = 30.0
LONG_SECONDS: Final = 86_400.0  # all mail is read and sealed, or words are shown only once


def ask(
    directories: Directories,
    path: str,
    asked: dict[str, Any] | None = None,
    *,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Return what the gateway answers to *asked*, within so many seconds."""
    with told_in_one_sentence("mx-gateway"):
        client = ControlClient(directories.control_socket, "mx-gateway", seconds)
        answer: dict[str, Any] = client.post(path, asked)
    return answer


def look(directories: Directories, path: str) -> dict[str, Any]:
    """Return what the gateway shows at *path*; nothing is changed by it."""
    with told_in_one_sentence("mx-gateway"):
        answer: dict[str, Any] = ControlClient(directories.control_socket, "mx-gateway").get(path)
    return answer


def only_account(directories: Directories) -> str:
    """Return the address of the one account there is; else it has to be said."""
    accounts = [str(one["address"]) for one in look(directories, "/status")["accounts"]]
    with told_in_one_sentence("mx-gateway"):
        if len(accounts) != 1:
            raise Refused(
                f"say whose, with --account: {', '.join(accounts) or 'there is none yet'}"
            )
    return accounts[0]
