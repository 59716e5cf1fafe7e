"""``mx-gateway migration``: how much of one's mail is end-to-end encrypted, and whom to invite."""

from __future__ import annotations

import json
from typing import Any

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient


@click.group()
def migration() -> None:
    """Show how much of your mail is end-to-end encrypted, with whom, and whom to invite."""


@migration.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(directories: Directories, account: str, *, as_json: bool) -> None:
    """Show the share of ACCOUNT's mail that was end-to-end encrypted of late, by person."""
    with told_in_one_sentence("mx-gateway"):
        client = ControlClient(directories.control_socket, "mx-gateway")
        told: dict[str, Any] = client.post("/migration/show", {"account": account})
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
