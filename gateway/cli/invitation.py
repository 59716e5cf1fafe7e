"""``mx-gateway contact invite``, ``invitations``, ``revoke`` and ``add``: links that let people in."""

from __future__ import annotations

import json
import sys

import click

from gateway.cli.asking import ask
from gateway.directories import Directories


@click.command()
@click.argument("account")
@click.option("--uses", default=1, show_default=True, help="How many people it lets in.")
@click.option("--days", default=7, show_default=True, help="How long it is good for.")
@click.option("--name", default="", help="Your own word for it; nobody else sees it.")
@click.option("--qr/--no-qr", default=None, help="Draw a code to be scanned; at a terminal, yes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def invite(
    directories: Directories,
    account: str,
    uses: int,
    days: int,
    name: str,
    *,
    qr: bool | None,
    as_json: bool,
) -> None:
    """Print a link by which somebody finds ACCOUNT, has its key, and writes to its INBOX."""
    asked = {"account": account, "name": name, "uses": uses, "days": days}
    made = ask(directories, "/invitations", asked)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(made["link"])
    if sys.stdout.isatty() if qr is None else qr:
        import segno  # noqa: PLC0415  # only who asks for a picture loads it

        segno.make(made["link"], error="l").terminal(compact=True, border=2)


@click.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def invitations(directories: Directories, account: str, *, as_json: bool) -> None:
    """List the invitations of ACCOUNT that have not ended, and how many people used each."""
    found = ask(directories, "/invitations/list", {"account": account})["invitations"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        used = f"{one['used']} of {one['uses']}"
        click.echo(f"{one['id']:>4}  {used:<12} until {one['until']}  {one['name']}")


@click.command()
@click.argument("account")
@click.argument("number", type=int)
@click.pass_obj
def revoke(directories: Directories, account: str, number: int) -> None:
    """Make invitation NUMBER of ACCOUNT useless; who has used it already can still write."""
    ask(directories, "/invitations/revoke", {"account": account, "id": number})
    click.echo(f"invitation {number} is taken back")


@click.command()
@click.argument("account")
@click.argument("link", default="")
@click.option("--in-person", is_flag=True, help="They showed or gave you the link face to face.")
@click.pass_obj
def add(directories: Directories, account: str, link: str, *, in_person: bool) -> None:
    """Let ACCOUNT know whom LINK is of: an invitation.  Without LINK it is read or asked for."""
    if not link:
        asks = sys.stdin.isatty()
        link = click.prompt("Link", err=True) if asks else sys.stdin.readline()
    told = ask(
        directories, "/invitations/open", {"account": account, "link": link, "in_person": in_person}
    )
    how = "verified" if told["tier"] == "verified" else "the one that the link names"
    click.echo(f"{told['address']} is a contact; their key is {how}. Write to them.")
