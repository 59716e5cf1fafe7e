"""``mx-gateway doctor`` and ``uninstall``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--bundle", "target", help="Write what a stranger may see of it to this new file, too."
)
@click.pass_obj
def doctor(directories: Directories, target: str | None, *, as_json: bool) -> None:
    """Look whether this gateway is as it should be, and say what to do where it is not.

    Ends with 0 if nothing is to be done, and with 65 otherwise.
    """
    from gateway.doctor.bundle import bundle  # noqa: PLC0415  # spares --help its imports
    from gateway.doctor.examine import examine  # noqa: PLC0415
    from mx_core.control.client import ControlClient  # noqa: PLC0415
    from mx_core.model.errors import MailError, Refused  # noqa: PLC0415

    with told_in_one_sentence("mx-gateway"):
        findings = list(examine(directories))
        if target is not None:
            try:
                told = ControlClient(directories.control_socket, "mx-gateway").get("/status")
            except MailError:
                told = None
            try:
                with Path(target).open("x", encoding="utf-8") as file:
                    file.write(json.dumps(bundle(directories, findings, told), indent=1) + "\n")
            except OSError as error:
                raise Refused(f"{target} cannot be written: {error.strerror}") from error
    if as_json:
        click.echo(json.dumps([{"said": one.said, "do": one.do} for one in findings]))
    else:
        for one in findings:
            click.echo(f"{'bad ' if one.do else 'good'}  {one.said}")
            if one.do:
                click.echo(f"      {one.do}")
    sys.exit(os.EX_DATAERR if any(one.do for one in findings) else 0)


@click.command()
@click.option(
    "--keep", multiple=True, type=click.Choice(["mail", "config"]), help="Leave this where it is."
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_obj
def uninstall(directories: Directories, keep: tuple[str, ...], *, yes: bool) -> None:
    """Take everything of this gateway off this computer: mail, keys, configuration.

    The address stays yours as long as you have the recovery sheet, and the mail as far as there
    is a backup.
    """
    from gateway.beginning.system_trust import to_take_back  # noqa: PLC0415
    from gateway.doctor.removal import uninstall as remove  # noqa: PLC0415

    trusted = "" if "mail" in keep else to_take_back(directories.data / "ca")
    with told_in_one_sentence("mx-gateway"):
        if not yes:
            click.confirm(
                f"All mail and keys in {directories.data} are gone then"
                if "mail" not in keep
                else "Remove what is not kept",
                abort=True,
            )
        gone = remove(directories, keep)
    for path in gone:
        click.echo(f"removed {path}")
    if trusted:
        click.echo("This computer still trusts the certificate, which has lost its key.")
        click.echo(f"To take it out, as an administrator, type: {trusted}")
