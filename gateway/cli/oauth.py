"""``mx-gateway oauth``: permission to use an ordinary account without its password."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.model.errors import Refused

_ask = partial(ask, seconds=90.0)  # a wait for permission answers after a while


@click.group()
def oauth() -> None:
    """Ask for, list and remove permissions to use ordinary accounts (OAuth)."""


@oauth.command()
@click.argument("account")
@click.argument("user")
@click.option("--provider", required=True, help="google, microsoft, or one of the configuration.")
@click.option("--client-id", default="", help="Registered there; else that of the configuration.")
@click.option("--client-secret-file", default="", help="A file with the secret that came with it.")
@click.option("--device", is_flag=True, help="By a code that is typed on any device.")
@click.pass_obj
def grant(
    directories: Directories,
    account: str,
    user: str,
    provider: str,
    client_id: str,
    client_secret_file: str,
    *,
    device: bool,
) -> None:
    """Let ACCOUNT use the ordinary account USER (often an address) at a provider.

    Prints what to open in a browser of this computer, or with --device what to type where, and
    waits until permission was given.
    """
    with told_in_one_sentence("mx-gateway"):
        asked = {
            "user": user,
            "provider": provider,
            "client_id": client_id,
            "client_secret": _first_line(client_secret_file),
            "device": device,
        }
        told = _ask(directories, "/oauth/begin", {"account": account, "asked": asked})
        if told["code"]:
            click.echo(f"type {told['code']} at {told['url']}")
        else:
            click.echo(f"open in a browser of this computer: {told['url']}")
        waiting = {"account": account, "id": told["id"]}
        while not _ask(directories, "/oauth/wait", waiting)["given"]:
            pass  # each time it answers after a while
    click.echo(f"permission for {user} is kept; use it with --oauth of legacy, import and relay")


@oauth.command("list")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, account: str, *, as_json: bool) -> None:
    """Show which ordinary accounts ACCOUNT has permission for."""
    found = _ask(directories, "/oauth/list", {"account": account})["grants"]
    if as_json:
        click.echo(json.dumps(found))
        return
    if not found:
        click.echo("none")
    for one in found:
        click.echo(f"{one['user']}  {one['provider']}")


@oauth.command()
@click.argument("account")
@click.argument("user")
@click.pass_obj
def remove(directories: Directories, account: str, user: str) -> None:
    """Forget the permission for USER, and have its provider end it where it can be told."""
    ended = _ask(directories, "/oauth/remove", {"account": account, "user": user})["ended_there"]
    click.echo(
        "forgotten, and ended at the provider"
        if ended
        else "forgotten here; end it in the security settings of the account, too"
    )


def _first_line(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can not be read") from error
