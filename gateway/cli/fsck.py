"""``mx-gateway fsck``: an account's store held against itself, while the gateway is stopped."""

from __future__ import annotations

import json
import os
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.cli.words import asked_passphrase
from gateway.directories import Directories
from mx_core.model.secret import Secret

if TYPE_CHECKING:
    from mx_core.store.fsck.finding import Report


@click.command()
@click.argument("account")
@click.option("--repair", is_flag=True, help="Mend what can be mended; nothing is thrown away.")
@click.option("--deep", is_flag=True, help="Read every octet, and make every form anew.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def fsck(
    directories: Directories, account: str, *, repair: bool, deep: bool, as_json: bool
) -> None:
    """Check the stored mail of ACCOUNT, an address or the name of its directory.

    The gateway must be stopped.  Ends with 0 if nothing is wrong, or nothing any more, and
    with 65 if something is.
    """
    from gateway.accounts.accounts import folder_of  # noqa: PLC0415  # spares --help its imports
    from gateway.unlocking import master_key  # noqa: PLC0415
    from mx_core.store.fsck.check import check_store  # noqa: PLC0415

    with told_in_one_sentence("mx-gateway"):

        @cache
        def master() -> Secret[bytes]:
            return master_key.load_asking(directories.data, asked_passphrase)

        folder = folder_of(directories, master, account, time.time)
        key = master_key.account_key(master(), folder.name)
        report = check_store(folder, key, time.time, repair=repair, deep=deep)
    click.echo(json.dumps(_as_json(report)) if as_json else _typed(report))
    sys.exit(0 if report.is_sound else os.EX_DATAERR)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "mailboxes": report.mailboxes,
        "messages": report.messages,
        "sound": report.is_sound,
        "findings": [
            {
                "damage": finding.damage.value,
                "sentence": finding.sentence,
                "mended": report.mended and finding.can_be_mended,
            }
            for finding in report.findings
        ],
    }


def _typed(report: Report) -> str:
    lines = [f"{report.mailboxes} mailboxes, {report.messages} messages"]
    for finding in report.findings:
        what = "can not be mended" if not finding.can_be_mended else "can be mended with --repair"
        if report.mended and finding.can_be_mended:
            what = "mended"
        lines.append(f"{finding.damage.value}: {finding.sentence} ({what})")
    return "\n".join(lines if report.findings else [*lines, "nothing is wrong"])
