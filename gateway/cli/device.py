"""``mx-gateway device``: the computers that are an account."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from gateway.cli.asking import account_option, ask, only_account
from gateway.directories import Directories


@click.group()
def device() -> None:
    """List the devices of an account, and remove one that is lost.

    An address has one device for now: to use it on another computer, move it there with
    `mx-gateway backup` here and `mx-gateway recover` there, with the recovery sheet.
    """


@device.command("list")
@account_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, account: str | None, *, as_json: bool) -> None:
    """List every device that the account ever had, the newest last."""
    asked = {"account": account or only_account(directories)}
    found = ask(directories, "/devices", asked)["devices"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        state = "active" if one["active"] else one["removed"]
        click.echo(f"{one['device']}  {state}{', this one' if one['this'] else ''}")


@device.command()
@click.argument("device_id", metavar="DEVICE")
@account_option
@click.option("--lost", "reason", flag_value="lost", help="It is lost.")
@click.option("--stolen", "reason", flag_value="stolen", help="Somebody has it.")
@click.option("--since", type=click.DateTime(), help="Since when (UTC); the default is now.")
@click.pass_obj
def remove(
    directories: Directories,
    device_id: str,
    account: str | None,
    reason: str | None,
    since: datetime | None,
) -> None:
    """Remove DEVICE: it can not log in at the home server, and nobody seals to it any more."""
    asked = {
        "account": account or only_account(directories),
        "device": device_id,
        "reason": reason or "retired",
        "since": int(since.replace(tzinfo=UTC).timestamp()) if since else 0,
    }
    ask(directories, "/devices/remove", asked)
    click.echo(f"{device_id} is removed.")
