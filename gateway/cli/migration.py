"""``mx-gateway migration``: how much of one's mail is end-to-end encrypted, and whom to invite."""

from __future__ import annotations

import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.model.errors import Refused

_ask = partial(ask, seconds=60.0)  # an address may be looked up, and its domain be slow


@click.group()
def migration() -> None:
    """Show how much of your mail is end-to-end encrypted, with whom, and whom to invite."""


@migration.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(directories: Directories, account: str, *, as_json: bool) -> None:
    """Show the share of ACCOUNT's mail that was end-to-end encrypted of late, by person."""
    told = _ask(directories, "/migration/show", {"account": account})
    if as_json:
        click.echo(json.dumps(told))
        return
    if not told["messages"]:
        click.echo(f"no mail came or left in {told['days']} days")
        return
    click.echo(
        f"{told['percent']} percent end-to-end encrypted: {told['encrypted']} of"
        f" {told['messages']} messages in {told['days']} days"
    )
    for one in told["people"]:
        came, left = one["sealed_in"] + one["ordinary_in"], one["sealed_out"] + one["ordinary_out"]
        click.echo(f"{one['percent']:>4} %  {one['address']}  {came} in, {left} out")
    for address in told["invite"]:
        click.echo(f"invite {address}: mx-gateway contact invite {account} --name {address}")


@migration.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def offers(directories: Directories, account: str, *, as_json: bool) -> None:
    """List contacts of ACCOUNT whose mail says that they are on the network, and whom you took."""
    told = _ask(directories, "/migration/offers", {"account": account})
    if as_json:
        click.echo(json.dumps(told))
        return
    for one in told["taken"]:
        click.echo(f"{one['ordinary']}  is written to as {one['address']}, encrypted")
    for one in told["offered"]:
        click.echo(f"{one['ordinary']}  says to be {one['address']}: mx-gateway migration take")


@migration.command()
@click.argument("account")
@click.argument("ordinary")
@click.option("--proof", default="", help="A file that they made with mx-gateway proof.")
@click.pass_obj
def take(directories: Directories, account: str, ordinary: str, proof: str) -> None:
    """Write to the address ORDINARY encrypted from now on, if its mail proves who that is."""
    octets = _read(proof) if proof else b""
    asked = {"account": account, "ordinary": ordinary, "proof": base64.b64encode(octets).decode()}
    told = _ask(directories, "/migration/take", asked)
    click.echo(f"mail to {ordinary} goes to {told['address']}, end-to-end encrypted, or not at all")


@migration.command()
@click.argument("account")
@click.argument("ordinary")
@click.pass_obj
def leave(directories: Directories, account: str, ordinary: str) -> None:
    """Write to ORDINARY as to any address again, and hear no more of what its mail says."""
    _ask(
        directories,
        "/migration/leave",
        {"account": account, "ordinary": ordinary},
    )
    click.echo(f"{ordinary} is an address like any other")


@migration.command()
@click.argument("account")
@click.argument("state", type=click.Choice(["on", "off", "tell"]), default="tell")
@click.pass_obj
def sentence(directories: Directories, account: str, state: str) -> None:
    """Add one sentence with an invitation below ordinary mail of ACCOUNT, or no longer."""
    asked: dict[str, Any] = {"account": account}
    told = _ask(
        directories,
        "/migration/sentence",
        asked if state == "tell" else {**asked, "on": state == "on"},
    )
    click.echo("on" if told["on"] else "off")
    if told["link"]:
        click.echo(f"it names {told['link']}")


def _read(path: str) -> bytes:
    with told_in_one_sentence("mx-gateway"):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise Refused(f"{path} can not be read") from error
    raise AssertionError("told_in_one_sentence ends the program")
