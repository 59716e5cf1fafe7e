"""``mx-gateway import``: bring mail from elsewhere, and see how far it is."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.asking import account_option, only_account
from gateway.cli.decrypt import Keys, decrypt_all, key_options, show_decrypted, spelt
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient
from mx_core.model.errors import Refused

_ASK_EVERY_SECONDS: Final = 0.5
_MIB: Final = 1024 * 1024
_NOT_WHOLE: Final = 65  # as sysexits(3) says data error


@click.command("import")
@click.argument("source", required=False)
@account_option
@click.option("--dry-run", is_flag=True, help="Only look: counts, sizes, doubles, time and room.")
@click.option("--into", default="", help="Put all folders below this one.")
@click.option("--rate", default=0, help="At most this many messages a second.")
@click.option("--share", default=100, help="Be busy for this percentage of the time.")
@click.option("--password-command", default="", help="Print the password of an IMAP account.")
@click.option("--oauth", is_flag=True, help="By the permission of mx-gateway oauth grant.")
@click.option("--all-mail", is_flag=True, help="Bring Gmail's All Mail as a folder too.")
@click.option("--ca-file", default="", help="Trust these authorities for an IMAP account.")
@key_options
@click.option("--pause", is_flag=True, help="Pause what is under way.")
@click.option("--resume", is_flag=True, help="Go on with what was paused or has stopped.")
@click.option("--background", is_flag=True, help="Do not wait for its end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def import_(
    directories: Directories,
    source: str | None,
    account: str | None,
    *,
    dry_run: bool,
    into: str,
    rate: int,
    share: int,
    password_command: str,
    oauth: bool,
    all_mail: bool,
    ca_file: str,
    gnupg: bool,
    openpgp_key: tuple[str, ...],
    smime_key: tuple[str, ...],
    passphrase_file: str,
    pause: bool,
    resume: bool,
    background: bool,
    as_json: bool,
) -> None:
    """Bring all mail of SOURCE: mbox, Maildir, a directory of .eml, Thunderbird profile, imaps://user@host.

    Without SOURCE, show how far the imports are.  The source is only read.  Begun again, an
    import goes on where it was; what has come since is brought, and nothing twice.  With a key, mail
    that is encrypted by OpenPGP or S/MIME is decrypted at the end, as by ``mx-gateway decrypt``.
    """
    keys = Keys(gnupg, openpgp_key, smime_key, passphrase_file)
    address = account or only_account(directories)
    with told_in_one_sentence("mx-gateway"), contextlib.ExitStack() as stack:
        client = ControlClient(directories.control_socket, "mx-gateway")
        if pause or resume:
            verb = "pause" if pause else "resume"
            number = client.post(f"/imports/{verb}", {"account": address})["imports"]
            click.echo(f"{'paused' if pause else 'going on'}: {number}")
            return
        if keys and (dry_run or background or source is None):
            raise Refused("keys are only taken for an import that is waited for: none is kept")
        openers = stack.enter_context(keys.opened()) if keys else []  # before hours of bringing
        if source is not None:
            remote = "://" in source
            secret = ""
            if remote and not password_command and not oauth:
                if not sys.stdin.isatty():
                    raise Refused("without a terminal the password comes from --password-command")
                secret = click.prompt(f"Password of {source}", hide_input=True, err=True)
            asked = {
                "source": source if remote else str(Path(source).absolute()),
                "into": into, "rate": rate, "share": share, "all_mail": all_mail,
                "secret": secret, "command": password_command, "oauth": oauth,
                "ca_file": str(Path(ca_file).absolute()) if ca_file else "",
            }  # fmt: skip
            told = {"account": address, "asked": asked, "dry_run": dry_run}
            client.post("/imports/begin", told)
        state = client.post("/imports/state", {"account": address})
        if source is not None and not background:
            state = _until_done(client, address)
        if openers:  # also where something is missing: it is decrypted when it has come
            state["decrypted"] = decrypt_all(directories, address, openers)
    if as_json:
        click.echo(json.dumps(state))
    elif dry_run:
        _show_look(state)
    else:
        _show_imports(state, address)
        if "decrypted" in state:
            show_decrypted(state["decrypted"])
    if (dry_run and state["trouble"]) or any(_is_bad(each) for each in state["imports"]):
        sys.exit(_NOT_WHOLE)


def _until_done(client: ControlClient, account: str) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        show: Callable[[dict[str, Any]], None] = lambda _state: None  # noqa: E731
        if sys.stderr.isatty():
            bar = importlib.import_module("gateway.cli.import_bar")
            show = stack.enter_context(bar.shown())
        while True:
            state: dict[str, Any] = client.post("/imports/state", {"account": account})
            show(state)
            if state["phase"] == "idle":
                return state
            time.sleep(_ASK_EVERY_SECONDS)


def _show_look(state: dict[str, Any]) -> None:
    look = state["look"]
    if state["trouble"]:
        click.echo(state["trouble"], err=True)
    for each in look["folders"]:
        known = f", {each['known']} of them here already" if each["known"] else ""
        click.echo(
            f"{each['messages']:>8}  {each['octets'] // _MIB:>6} MiB"
            f"  {each['name']} → {each['mailbox']}{known}"
        )
    click.echo(
        f"would import {look['messages']} messages, {look['octets'] // _MIB} MiB;"
        f" {look['doubles']} are octet for octet the same as another and are brought too;"
        f" about {max(look['seconds'] // 60, 1)} min and {look['room_octets'] // _MIB + 1} MiB of disk"
    )
    if spelt(look["encrypted"]):
        click.echo(
            f"  encrypted: {spelt(look['encrypted'])}, brought as they are; to have them decrypted, give"
            " --gnupg, --openpgp-key FILE or --smime-key FILE.p12, now or later with mx-gateway decrypt"
        )
    _show_troubles(look["troubles"], look["left_out"])


def _show_imports(state: dict[str, Any], account: str) -> None:
    for each in state["imports"]:
        click.echo(
            f"{each['state']:<8} {each['source']}"
            + (f": {each['trouble']}" if each["trouble"] else "")
        )
        report = each["report"]
        for folder in report["folders"] if report else ():
            verdict = "all here" if folder["holds"] else "NOT WHOLE"
            removed = f", {folder['removed']} removed since" if folder["removed"] else ""
            click.echo(
                f"  {verdict}: {folder['source'][0]} messages {folder['source'][2]} in the source,"
                f" {folder['stored'][0]} {folder['stored'][2]} here{removed}"
                f"  {folder['name']} → {folder['mailbox']}"
            )
        if report:
            click.echo(f"  {report['doubles']} doubles were brought as they are")
        if report and "decrypted" not in state and spelt(report["progress"].get("encrypted", {})):
            click.echo(
                f"  encrypted: {spelt(report['progress']['encrypted'])};"
                f" to have them decrypted: mx-gateway decrypt --account {account}"
            )
        _show_troubles(each["troubles"], len(each["troubles"]))


def _show_troubles(troubles: list[list[str]], number: int) -> None:
    if number:
        click.echo(f"  left where they are: {number}")
    for where, why in troubles:
        click.echo(f"    {where} {why}")


def _is_bad(one: dict[str, Any]) -> bool:
    return one["state"] == "stopped" or bool(one["report"] and not one["report"]["holds"])
