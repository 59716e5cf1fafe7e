"""``mx-gateway proof``: that an ordinary address is yours, for anybody to check."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import click

from gateway.cli.asking import ask
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories


@click.group()
def proof() -> None:
    """Prove that an ordinary address is yours, or check somebody's proof."""


@proof.command()
@click.argument("account")
@click.argument("ordinary")
@click.pass_obj
def claim(directories: Directories, account: str, ordinary: str) -> None:
    """Print the claim of ACCOUNT to the address ORDINARY, to be sent from there.

    Send it as plain text to yourself, save the message that arrives as a file, and give that to
    mx-gateway proof make.
    """
    asked = {"account": account, "ordinary": ordinary}
    click.echo(ask(directories, "/proof/claim", asked)["text"])


@proof.command()
@click.argument("account")
@click.argument("message", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def make(directories: Directories, account: str, message: Path, file: Path) -> None:
    """Make the proof FILE of ACCOUNT from MESSAGE; reads the key of its domain from the DNS."""
    from gateway.own.key_records import record_of  # noqa: PLC0415  # lazy: --help is fast
    from gateway.own.ownership import prove, verify_proof  # noqa: PLC0415

    told = ask(directories, "/proof/passport", {"account": account})
    with told_in_one_sentence("mx-gateway"):
        entries = [base64.b64decode(entry) for entry in told["entries"]]
        octets = _with_crlf(message.read_bytes())
        made = prove(octets, entries, record_of, int(time.time()))
        shown = verify_proof(made, time.time())
        file.write_bytes(made.encode())
    click.echo(f"{file}: {shown.claim.ordinary} is of {shown.claim.address}")


@proof.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def verify(file: Path) -> None:
    """Check the proof FILE.  Needs no network, no account and no gateway."""
    from gateway.own.ownership import Proof, verify_proof  # noqa: PLC0415  # lazy: --help is fast

    with told_in_one_sentence("mx-gateway"):
        shown = verify_proof(Proof.decode(file.read_bytes()), time.time())
    seen = time.strftime("%Y-%m-%d", time.gmtime(shown.seen))
    click.echo(f"{shown.claim.ordinary} is of {shown.claim.address}")
    click.echo(f"passport: {shown.claim.pid.hex()}")
    click.echo(f"signed by {shown.domain}, key {shown.selector}, as its DNS said on {seen}")


def _with_crlf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
