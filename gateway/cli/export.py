"""``mx-gateway export``: all mail into files that other programs open."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.asking import account_option, only_account
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient

_ASK_EVERY_SECONDS: Final = 0.5
_NOT_WHOLE: Final = 65  # as sysexits(3) says data error


@click.command()
@click.argument("target")
@account_option
@click.option(
    "--format", "form", default="maildir", type=click.Choice(["maildir", "mbox", "eml"]),
    help="How it is laid out.",
)  # fmt: skip
@click.option("--original", is_flag=True, help="Leave out the status lines that were put before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def export(
    directories: Directories,
    target: str,
    account: str | None,
    form: str,
    *,
    original: bool,
    as_json: bool,
) -> None:
    """Write all mail to the directory TARGET, with flags, tags and dates, and read it back.

    Interrupted, the same command goes on where it was.
    """
    address = account or only_account(directories)
    with told_in_one_sentence("mx-gateway"):
        client = ControlClient(directories.control_socket, "mx-gateway")
        asked = {"target": str(Path(target).absolute()), "format": form, "original": original}
        client.post("/exports/begin", {"account": address, "asked": asked})
        state = _until_done(client, address)
    if as_json:
        click.echo(json.dumps(state))
    elif not state["trouble"]:
        click.echo(
            f"exported and read back: {state['messages']} messages, {state['total']},"
            f" {state['messages'] - state['written']} of them from before"
        )
    if state["trouble"]:
        click.echo(f"mx-gateway: {state['trouble']}", err=True)
        sys.exit(_NOT_WHOLE)


def _until_done(client: ControlClient, account: str) -> dict[str, Any]:
    shown = sys.stderr.isatty()
    while True:
        state: dict[str, Any] = client.post("/exports/state", {"account": account})
        if shown:
            line = (
                f"{state['messages']} of {state.get('of', 0)} messages: {state.get('folder', '')}"
            )
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        if state["phase"] == "idle":
            if shown:
                click.echo("\r\x1b[K", nl=False, err=True)
            return state
        time.sleep(_ASK_EVERY_SECONDS)
