"""``mx-gateway folder``: mailboxes that show mail of others by a rule.  docs/spec/folders.md."""

from __future__ import annotations

import json

import click

from gateway.cli.asking import ask
from gateway.directories import Directories


@click.group()
def folder() -> None:
    """List, add, show and remove folders that show mail by a rule."""


@folder.command("list")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, address: str, *, as_json: bool) -> None:
    """List the folders of ADDRESS with their rules."""
    found = ask(directories, "/folders/list", {"account": address})["folders"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for each in found:
        filling = "" if each["complete"] else "  (being filled)"
        click.echo(f"{each['name']:<24} {each['messages']:>6}  {each['rule']}{filling}")


@folder.command()
@click.argument("address")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(directories: Directories, address: str, name: str, *, as_json: bool) -> None:
    """Show one folder."""
    found = ask(directories, "/folders/show", {"account": address, "name": name})
    if as_json:
        click.echo(json.dumps(found))
        return
    for key, value in found.items():
        shown = ("yes" if value else "no") if isinstance(value, bool) else value
        click.echo(f"{key:<11} {shown}")


@folder.command()
@click.argument("address")
@click.argument("name")
@click.argument("rule")
@click.pass_obj
def add(directories: Directories, address: str, name: str, rule: str) -> None:
    """Make the folder NAME that shows all mail for which RULE holds.

    RULE is made of search keys, for example: 'UNSEEN FROM boss@work.example' or
    'OR FLAGGED SUBJECT "to do"'.
    """
    made = ask(directories, "/folders/add", {"account": address, "name": name, "rule": rule})
    number = f"{made['messages']} messages" if made["complete"] else "it is being filled"
    click.echo(f"made: {made['name']}, {number}")


@folder.command()
@click.argument("address")
@click.argument("name")
@click.pass_obj
def remove(directories: Directories, address: str, name: str) -> None:
    """Forget the folder NAME; the mail that it shows stays where it is."""
    ask(directories, "/folders/remove", {"account": address, "name": name})
    click.echo(f"removed: {name}")


@folder.command()
@click.argument("address")
@click.argument("password")
@click.pass_obj
def hide(directories: Directories, address: str, password: str) -> None:
    """Leave these folders out of what the mail program with the password called PASSWORD lists."""
    ask(directories, "/folders/listed", {"account": address, "password": password, "shown": False})
    click.echo(f"hidden from: {password}")


@folder.command()
@click.argument("address")
@click.argument("password")
@click.pass_obj
def unhide(directories: Directories, address: str, password: str) -> None:
    """Let the mail program with the password called PASSWORD list these folders again."""
    ask(directories, "/folders/listed", {"account": address, "password": password, "shown": True})
    click.echo(f"listed for: {password}")
