"""``mx-gateway contact``: the keys of the people one writes to."""

from __future__ import annotations

import json
from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.invitation import add, invitations, invite, revoke
from gateway.directories import Directories

_ROW = 4  # words in a line, as they are read out


@click.group()
def contact() -> None:
    """List contacts, invite them, compare keys with them, accept a changed key."""


for _command in (invite, invitations, revoke, add):
    contact.add_command(_command)


@contact.command("list")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, account: str, *, as_json: bool) -> None:
    """List whom ACCOUNT knows: how their key came to be believed, and what is done with mail."""
    found = ask(directories, "/contacts/list", {"account": account})["contacts"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(f"{one['address']:<40} {one['tier']:<9} {one['mail']}")


@contact.command()
@click.argument("account")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def words(directories: Directories, account: str, address: str, *, as_json: bool) -> None:
    """Show the sixteen words that ADDRESS must see too."""
    told = ask(directories, "/contacts/compare", {"account": account, "address": address})
    click.echo(json.dumps(told) if as_json else _read_out(told))


@contact.command()
@click.argument("account")
@click.argument("address")
@click.option("--code", default="", help="What the other person's QR code says.")
@click.option("--yes", is_flag=True, help="The words were compared; do not ask.")
@click.pass_obj
def verify(directories: Directories, account: str, address: str, code: str, *, yes: bool) -> None:
    """Compare keys with ADDRESS, and note it.  Read the words over the telephone, not by mail."""
    asked = {"account": account, "address": address}
    if not code and not yes:
        click.echo(_read_out(ask(directories, "/contacts/compare", asked)))
        click.confirm("\nDoes the other person read the same words?", abort=True)
    ask(directories, "/contacts/verify", {**asked, "code": code})
    click.echo(f"{address} is verified")


@contact.command()
@click.argument("account")
@click.argument("address")
@click.pass_obj
def accept(directories: Directories, account: str, address: str) -> None:
    """Accept ADDRESS with the key they have now: their mail goes to INBOX, what was held is sent."""
    told = ask(directories, "/contacts/accept", {"account": account, "address": address})
    click.echo(f"accepted; {told['released']} held messages go on")


def _read_out(told: dict[str, Any]) -> str:
    found = told["words"]
    return "\n".join("  " + " ".join(found[at : at + _ROW]) for at in range(0, len(found), _ROW))
