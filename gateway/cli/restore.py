"""``mx-gateway restore`` and ``recover``: the way back with a recovery sheet."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import LONG_SECONDS, ask
from gateway.cli.settings import typed_settings
from gateway.cli.words import asked_words, show_words
from gateway.directories import Directories


@click.command()
@click.argument("file")
@click.option(
    "--older-sheet", is_flag=True, help="FILE was made with an older sheet: ask for both."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def restore(directories: Directories, file: str, *, older_sheet: bool, as_json: bool) -> None:
    """Bring the backup FILE back on this computer, which becomes a new device.

    Asks for the words of the recovery sheet and shows those of a new one.  Every other device is
    out, and nobody seals to it any more: an address has one device for now.
    """
    asked = {"file": str(Path(file).absolute())}
    if older_sheet:
        asked["words_of_file"] = asked_words("The 24 words of the sheet that FILE was made with")
    asked["words"] = asked_words("The 24 words of the newest sheet")
    _recover(directories, asked, as_json=as_json)


@click.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def recover(directories: Directories, address: str, *, as_json: bool) -> None:
    """Take ADDRESS back with its recovery sheet alone, from any computer: it was lost or stolen.

    Every other device is out at once.  Mail and contacts come with a backup only.
    """
    words = asked_words("The 24 words of the newest sheet")
    _recover(directories, {"address": address, "words": words}, as_json=as_json)


def _recover(directories: Directories, asked: dict[str, Any], *, as_json: bool) -> None:
    begun = ask(directories, "/recoveries/begin", asked, seconds=LONG_SECONDS)
    if not as_json:
        show_words(begun["recovery_words"])
    if sys.stdin.isatty():
        gone = len(begun["devices"])
        click.confirm(f"{gone} devices of {begun['address']} are out now. Go on?", abort=True)
    token = {"token": begun["token"]}
    done = ask(directories, "/recoveries/finish", token, seconds=LONG_SECONDS)
    if as_json:
        click.echo(json.dumps({**begun, **done}))
        return
    click.echo(f"{begun['address']} is on this computer now.\n")
    click.echo(typed_settings(done["settings"]))
