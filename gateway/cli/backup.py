"""``mx-gateway backup``: one file that a recovery sheet opens."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway.cli.asking import LONG_SECONDS, account_option, ask, only_account
from gateway.cli.exits import told_in_one_sentence
from gateway.cli.words import asked_words
from gateway.directories import Directories
from mx_core.model.errors import Refused


@click.command()
@click.argument("target", required=False)
@account_option
@click.option("--daily", is_flag=True, help="TARGET is a folder: write one there each day.")
@click.option("--no-daily", is_flag=True, help="Write no more each day.")
@click.option("--sheet", is_flag=True, help="Type the recovery sheet, for an older account.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def backup(
    directories: Directories,
    target: str | None,
    account: str | None,
    *,
    daily: bool,
    no_daily: bool,
    sheet: bool,
    as_json: bool,
) -> None:
    """Write mail, contacts and settings to the new file TARGET, sealed to the recovery sheet.

    The gateway goes on meanwhile.  No key of this device is in it.
    """
    with told_in_one_sentence("mx-gateway"):
        address = account or only_account(directories)
        if sheet:
            words = asked_words("The 24 words")
            ask(
                directories,
                "/backups/sheet",
                {"account": address, "words": words},
                seconds=LONG_SECONDS,
            )
            said, told = {}, f"Backups of {address} are sealed to this sheet."
        elif no_daily:
            asked = {"account": address, "target": ""}
            said = ask(directories, "/backups/daily", asked, seconds=LONG_SECONDS)
            told = f"No daily backups of {address} any more."
        elif target is None:
            raise Refused("say where to: mx-gateway backup FILE, or --daily FOLDER")
        else:
            asked = {"account": address, "target": str(Path(target).absolute())}
            path = "/backups/daily" if daily else "/backups"
            said = ask(directories, path, asked, seconds=LONG_SECONDS)
            told = f"{target} is written, {said.get('octets', 0)} octets."
            if daily:
                told = said["trouble"] or f"A backup of {address} goes to {target} each day."
    click.echo(json.dumps(said) if as_json else told)
