"""``mx-gateway lock`` and ``unlock``: the master key, away and back."""

from __future__ import annotations

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.cli.words import asked_passphrase
from gateway.directories import Directories
from mx_core.model.secret import Secret

_METHODS = ("passphrase", "keyring", "file")


@click.command()
@click.pass_obj
def lock(directories: Directories) -> None:
    """Forget the master key: mail programs hear that the gateway is locked, and nothing is sent.

    What arrives is kept, sealed as it came, where a passphrase or a keyring holds the key.
    """
    ask(directories, "/lock")
    click.echo("Locked. To go on: mx-gateway unlock")


@click.command()
@click.option(
    "--by", type=click.Choice(_METHODS), help="From now on unlock in this way, at each start."
)
@click.pass_obj
def unlock(directories: Directories, by: str | None) -> None:
    """Open the accounts; asks for the passphrase, which counts where one was chosen."""
    needed = by in {None, "passphrase"}
    with told_in_one_sentence("mx-gateway"):
        given = asked_passphrase() if needed else Secret("")
    if by is None:
        ask(directories, "/unlock", {"passphrase": given.reveal()})
    else:
        ask(directories, "/unlock/by", {"method": by, "passphrase": given.reveal()})
    click.echo("Unlocked." if by is None else f"From now on this gateway is unlocked by: {by}")
