"""``mx-gateway legacy``: ordinary accounts elsewhere whose mail is pulled in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.model.errors import Refused


@click.group()
def legacy() -> None:
    """Show, add and remove ordinary IMAP accounts whose mail comes in here."""


@legacy.command()
@click.argument("account")
@click.argument("url")
@click.option("--password-command", default="", help="Print the password.")
@click.option("--token-command", default="", help="Print a token of OAuth (XOAUTH2).")
@click.option("--oauth", is_flag=True, help="By the permission of mx-gateway oauth grant.")
@click.option("--ca-file", default="", help="Trust these authorities in place of the system's.")
@click.pass_obj
def add(
    directories: Directories,
    account: str,
    url: str,
    password_command: str,
    token_command: str,
    ca_file: str,
    *,
    oauth: bool,
) -> None:
    """Let mail of URL, imaps://user@host, come into ACCOUNT, marked as ordinary email.

    The password is asked for, unless a command prints it.  Adding it again says a new one.
    """
    with told_in_one_sentence("mx-gateway"):
        if sum(map(bool, (password_command, token_command, oauth))) > 1:
            raise Refused("one of --password-command, --token-command and --oauth is enough")
        command = password_command or token_command
        secret = "" if command or oauth else _password(url)
        asked = {
            "url": url,
            "secret": secret,
            "command": command,
            "by_token": bool(token_command),
            "oauth": oauth,
            "ca_file": str(Path(ca_file).absolute()) if ca_file else "",
        }
        told = ask(directories, "/legacy/add", {"account": account, "asked": asked})
    click.echo(f"mail of {told['location']} comes in from now on (mx-gateway legacy list)")


@legacy.command("list")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, account: str, *, as_json: bool) -> None:
    """Show from where mail comes into ACCOUNT, and how it goes."""
    told = ask(directories, "/legacy/list", {"account": account})
    if as_json:
        click.echo(json.dumps(told))
        return
    if not told["accounts"]:
        click.echo("none: no mail is pulled")
    for one in told["accounts"]:
        now = one["now"] or {"phase": "not running", "folders": 0, "brought": 0}
        click.echo(
            f"{one['location']}  {now['phase']}, {now['folders']} folders,"
            f" {now['brought']} messages since the start"
        )
        if one["trouble"]:
            click.echo(f"  {one['trouble']}")
        for where, why in one["left"]:
            click.echo(f"  {where} {why}")


@legacy.command()
@click.argument("account")
@click.argument("url")
@click.pass_obj
def remove(directories: Directories, account: str, url: str) -> None:
    """Pull no more from URL and forget what logs in there; mail that came stays."""
    ask(directories, "/legacy/remove", {"account": account, "url": url})
    click.echo("removed; its mail stays here")


def _password(url: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Password of {url}", hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\n")
