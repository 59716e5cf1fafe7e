"""``mx-gateway evidence``: what proves that a domain lied about keys."""

from __future__ import annotations

import time
from pathlib import Path

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient


@click.group()
def evidence() -> None:
    """Check evidence against a domain, or believe the domain again."""


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def verify(file: Path) -> None:
    """Check FILE, the attachment of a warning.  Needs no network, no account and no gateway."""
    from gateway.watching.evidence_check import checked  # noqa: PLC0415  # lazy: --help is fast

    with told_in_one_sentence("mx-gateway"):
        told = checked(file.read_bytes(), time.time())
    click.echo(f"domain: {told.domain}")
    click.echo(f"signed by the domain key: {told.key}")
    click.echo(f"{'proved' if told.found.proved else 'shown by one side'}: {told.found.sentence}")


@evidence.command()
@click.argument("account")
@click.argument("domain")
@click.pass_obj
def accept(directories: Directories, account: str, domain: str) -> None:
    """Believe DOMAIN again for ACCOUNT; what was held for its people is sent."""
    with told_in_one_sentence("mx-gateway"):
        client = ControlClient(directories.control_socket, "mx-gateway")
        told = client.post("/domains/accept", {"account": account, "domain": domain})
    click.echo(f"accepted; {told['released']} held messages go on")
