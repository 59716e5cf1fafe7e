"""``mx-gateway password``: what mail programs log in with, one for each."""

from __future__ import annotations

import json

import click

from gateway.cli.asking import ask
from gateway.directories import Directories


@click.group()
def password() -> None:
    """Add, list and revoke the passwords that mail programs log in with."""


@password.command()
@click.argument("address")
@click.argument("name")
@click.pass_obj
def add(directories: Directories, address: str, name: str) -> None:
    """Make a password for the mail program NAME and print it once."""
    answer = ask(directories, "/passwords", {"account": address, "name": name})
    click.echo(answer["password"])


@password.command()
@click.argument("address")
@click.argument("name")
@click.pass_obj
def revoke(directories: Directories, address: str, name: str) -> None:
    """Make the password of the mail program NAME useless, at once."""
    ask(directories, "/passwords/revoke", {"account": address, "name": name})


@password.command("list")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, address: str, *, as_json: bool) -> None:
    """List names and last use."""
    answer = ask(directories, "/passwords/list", {"account": address})
    if as_json:
        click.echo(json.dumps(answer["passwords"]))
        return
    for one in answer["passwords"]:
        click.echo(f"{one['name']:<24} last used: {one['last_used'] or 'never'}")
