"""``mx-gateway trust``: let the programs of this computer trust the gateway's certificate."""

from __future__ import annotations

import json
import sys

import click
from msgspec.structs import asdict

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.model.errors import Unavailable


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def trust(directories: Directories, *, as_json: bool) -> None:
    """Say how this computer is told to trust the gateway's certificate, and whether it does.

    For programs that use the computer's own list, such as Evolution or KMail.  Only an administrator
    can change that list: the command to type is printed, nothing is changed by this one.
    """
    from gateway.beginning import system_trust  # noqa: PLC0415  # spares --help its imports

    ca = directories.data / "ca"
    told = system_trust.look(ca)
    if as_json:
        click.echo(json.dumps(asdict(told)))
        return
    with told_in_one_sentence("mx-gateway"):
        if not told.add:
            raise Unavailable(_UNKNOWN.format(root=ca / "root.pem"))
        if not told.trusted:
            click.echo(
                "The certificate can vouch for this computer alone. As an administrator, type:"
            )
            click.echo(f"  {told.add}")
            if not _at_a_terminal():
                return
            click.prompt("Then press Enter here", default="", show_default=False)
            told = system_trust.look(ca)
            if not told.trusted:
                raise Unavailable(
                    "it is not trusted yet: type the command, then mx-gateway trust again"
                )
    click.echo("The programs of this computer trust the gateway's certificate.")
    click.echo("To take that back, type:")
    click.echo(f"  {told.take}")


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


_UNKNOWN = (
    "this computer keeps its certificates where none is known to be, or the gateway was never"
    " started: give your mail program the file {root}"
)
