"""``mx-gateway client``: the file that a mail program wants, ready to be saved."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.model.errors import Refused

_PROGRAMS = ("thunderbird", "mutt", "neomutt", "aerc", "mbsync", "msmtp", "git", "apple")


@click.command()
@click.argument("program", type=click.Choice(_PROGRAMS))
@click.argument("address")
@click.option("--name", default="", help="What the password is called; the program's name if not.")
@click.option("--trust", is_flag=True, help="Let Thunderbird trust the gateway's certificate.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def client(
    directories: Directories, program: str, address: str, name: str, *, trust: bool, as_json: bool
) -> None:
    """Make a password for PROGRAM and print the file that lets it use ADDRESS.

    What is printed first, on standard error, says where the file goes.
    """
    with told_in_one_sentence("mx-gateway"):
        if trust:
            _trust(program, directories)
    asked = {"account": address, "program": program, "name": name or program}
    answer = ask(directories, "/clients", asked)
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(f"Save this as {answer['place']}", err=True)
    if program == "thunderbird":
        click.echo(f"Password: {answer['settings']['password']}", err=True)
    click.echo(answer["file"], nl=False)


def _trust(program: str, directories: Directories) -> None:
    from gateway.beginning import thunderbird  # noqa: PLC0415  # spares --help its imports

    if program != "thunderbird":
        raise Refused("--trust is for Thunderbird; the files of others name the certificate")
    number = thunderbird.trust(Path.home(), directories.data / "ca" / "root.pem")
    click.echo(f"Thunderbird trusts this gateway now, in {number} of its profiles.", err=True)
