"""``mx-gateway account``: the addresses of this gateway."""

from __future__ import annotations

import json

import click

from gateway.cli.asking import LONG_SECONDS, ask, look
from gateway.cli.settings import typed_settings
from gateway.cli.words import asked_words
from gateway.directories import Directories


@click.group()
def account() -> None:
    """Add an account, move it to another domain, renew its key, say who finds it."""


@account.command()
@click.argument("address")
@click.option("--invite", required=True, help="The code that the domain's operator gave you.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def add(directories: Directories, address: str, invite: str, *, as_json: bool) -> None:
    """Register ADDRESS at its home server and print what a mail program needs."""
    # however slow: the answer alone holds the words of the recovery sheet
    asked = {"account": address, "invite": invite}
    answer = ask(directories, "/accounts", asked, seconds=LONG_SECONDS)
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(typed_settings(answer["settings"]))
    click.echo("\nRecovery sheet: write these 24 words on paper. They are shown once, and kept")
    click.echo("nowhere; with them you get the address back when every device is lost.\n")
    words = answer["recovery_words"].split()
    for n in range(0, len(words), 6):
        click.echo("  " + " ".join(words[n : n + 6]))


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, *, as_json: bool) -> None:
    """List the accounts of this gateway."""
    answer = look(directories, "/status")
    if as_json:
        click.echo(json.dumps(answer["accounts"]))
        return
    for one in answer["accounts"]:
        click.echo(one["address"])


@account.command()
@click.argument("address")
@click.pass_obj
def reindex(directories: Directories, address: str) -> None:
    """Make the search index of ADDRESS anew; searches stay right meanwhile, and are slower."""
    ask(directories, "/accounts/reindex", {"account": address})
    click.echo(f"The search index of {address} is being made anew.")


@account.command()
@click.argument("address")
@click.pass_obj
def rotate(directories: Directories, address: str) -> None:
    """Renew the key of ADDRESS, signed with the old one; who has verified it still has."""
    ask(directories, "/accounts/rotate", {"account": address})
    click.echo(f"{address} has a new key.")


@account.command()
@click.argument("address")
@click.argument("which", type=click.Choice(["post-quantum", "any"]))
@click.pass_obj
def suite(directories: Directories, address: str, which: str) -> None:
    """Let mail be sealed to ADDRESS with post-quantum keys only, or with any that both sides have.

    Going back to any is shown to your contacts as a change of keys.
    """
    ask(
        directories,
        "/accounts/suite",
        {"account": address, "floor": 2 if which == "post-quantum" else 1},
    )
    only = "with post-quantum keys only" if which == "post-quantum" else "with any keys"
    click.echo(f"Mail is sealed to {address} {only}.")


@account.command()
@click.argument("address")
@click.argument("to")
@click.option("--invite", required=True, help="The code that the new domain's operator gave you.")
@click.pass_obj
def move(directories: Directories, address: str, to: str, invite: str) -> None:
    """Move ADDRESS to TO, at another domain.  The words of the recovery sheet are asked for."""
    words = asked_words(f"The 24 words of the sheet of {address}")
    ask(
        directories,
        "/accounts/move",
        {"account": address, "to": to, "invite": invite, "words": words},
    )
    click.echo(f"You are {to} now. Mail programs log in as before; set their From address to {to}.")
    click.echo(f"Mail to {address} still comes in for 90 days, if its domain plays along, and")
    click.echo("whoever you write to learns of the move.")


@account.command()
@click.argument("address")
@click.argument("who", type=click.Choice(["everybody", "contacts"]))
@click.pass_obj
def reach(directories: Directories, address: str, who: str) -> None:
    """Let ADDRESS be found by everybody, or by your contacts and whom you invite only."""
    ask(directories, "/accounts/reach", {"account": address, "everybody": who == "everybody"})
    found = "everybody" if who == "everybody" else "your contacts only"
    click.echo(f"{address} is found by {found}.")


@account.command()
@click.argument("address")
@click.argument("state", type=click.Choice(["open", "closed"]), required=False, default="")
@click.pass_obj
def door(directories: Directories, address: str, state: str) -> None:
    """Take ordinary mail for ADDRESS at the door of its domain, or no more; without STATE, tell."""
    answer = ask(directories, "/accounts/door", {"account": address, "state": state})
    if not answer["served"]:
        click.echo(f"The home server of {address} has no door for ordinary mail.")
    elif answer["open"]:
        click.echo(f"Ordinary mail for {address} is taken at the door of its domain.")
    else:
        click.echo(f"Ordinary mail for {address} is refused at the door of its domain.")


@account.command()
@click.argument("address")
@click.argument("given", type=click.Choice(["yes", "no"]))
@click.pass_obj
def receipts(directories: Directories, address: str, given: str) -> None:
    """Let accepted contacts know when their mail has come to ADDRESS, not when it is read."""
    ask(directories, "/accounts/receipts", {"account": address, "given": given == "yes"})
    told = "gives receipts to accepted contacts" if given == "yes" else "gives no receipts"
    click.echo(f"{address} {told}.")
