"""``mx-gateway evidence``: what proves that a domain lied about keys."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.model.errors import Refused


@click.group()
def evidence() -> None:
    """Check proof that a domain has lied about keys, or believe the domain again."""


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


@evidence.command("list")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_(directories: Directories, account: str, *, as_json: bool) -> None:
    """List the evidence that ACCOUNT has found: its number, when, against which domain, of what."""
    found = ask(directories, "/evidence/list", {"account": account})["evidence"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(f"{one['id']:>4}  {one['at']}  {one['domain']}  {one['kind']}")


@evidence.command()
@click.argument("account")
@click.argument("number", type=int)
@click.argument("file", type=click.Path(path_type=Path, exists=False))
@click.pass_obj
def save(directories: Directories, account: str, number: int, file: Path) -> None:
    """Write evidence NUMBER of ACCOUNT to the new file FILE, for whoever is to check it."""
    told = ask(directories, "/evidence/get", {"account": account, "id": number})
    with told_in_one_sentence("mx-gateway"):
        try:
            with file.open("xb") as new:
                new.write(base64.b64decode(told["bundle"]))
        except OSError as error:
            raise Refused(f"cannot write {file}: {error.strerror}") from error


@evidence.command()
@click.argument("account")
@click.argument("domain")
@click.pass_obj
def accept(directories: Directories, account: str, domain: str) -> None:
    """Believe DOMAIN again for ACCOUNT; what was held for its people is sent."""
    told = ask(directories, "/domains/accept", {"account": account, "domain": domain})
    click.echo(f"accepted; {told['released']} held messages go on")
