"""``mx-gateway relay``: the account that ordinary mail leaves by."""

from __future__ import annotations

import sys

import click

from gateway.cli.asking import ask
from gateway.directories import Directories

_IMPLICIT = 465
_STARTTLS = 587


@click.group()
def relay() -> None:
    """Show, set and remove the account that ordinary (unencrypted) mail leaves by."""


@relay.command()
@click.argument("account")
@click.pass_obj
def show(directories: Directories, account: str) -> None:
    """Show by which server ACCOUNT sends ordinary mail."""
    found = ask(directories, "/relay/show", {"account": account})["relay"]
    if not found:
        click.echo("none: no ordinary email is sent")
    others = found.pop("identities", {})
    for name, value in found.items():
        click.echo(f"{name:<9} {value}")
    for who, one in others.items():
        click.echo(f"what is written from {who}: {one['host']}:{one['port']} as {one['username']}")


@relay.command("set")
@click.argument("account")
@click.option("--host", required=True, help="The mail server.")
@click.option("--port", type=int, help="465, or 587 with --starttls.")
@click.option("--starttls", is_flag=True, help="TLS by STARTTLS; never without TLS.")
@click.option("--user", required=True, help="The user name there.")
@click.option("--for", "identity", default="", help="Another address of yours, to write from.")
@click.option("--oauth", is_flag=True, help="By the permission of mx-gateway oauth grant.")
@click.option("--from", "sender", default="", help="The sender's address, if not the account's.")
@click.pass_obj
def set_(
    directories: Directories,
    account: str,
    host: str,
    port: int | None,
    user: str,
    sender: str,
    identity: str,
    *,
    starttls: bool,
    oauth: bool,
) -> None:
    """Let ACCOUNT send ordinary mail, where its rules allow it; the password is asked for."""
    if oauth:
        password = ""
    elif sys.stdin.isatty():
        password = click.prompt("password", hide_input=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    asked = {
        "account": account,
        "host": host,
        "port": port or (_STARTTLS if starttls else _IMPLICIT),
        "implicit": not starttls,
        "username": user,
        "password": password,
        "sender": sender,
        "oauth": oauth,
        "identity": identity,
    }
    ask(directories, "/relay/set", asked)
    whose = f" written from {identity}" if identity else ""
    click.echo(
        f"ordinary email{whose} leaves by {host}, where a rule allows it (mx-gateway policy)"
    )


@relay.command()
@click.argument("account")
@click.option("--for", "identity", default="", help="Only what is written from this address.")
@click.pass_obj
def remove(directories: Directories, account: str, identity: str) -> None:
    """Send no ordinary mail any more, and forget the password."""
    ask(directories, "/relay/remove", {"account": account, "identity": identity})
    click.echo("removed")
