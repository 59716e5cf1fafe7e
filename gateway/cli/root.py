"""The command line: which file holds which command, loaded only when it is asked for.

Rules: results on standard output, everything else on standard error; ``--json`` prints one
document; statuses are those of sysexits(3); nothing is asked without a terminal.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final, final

import click
from typing_extensions import override

from gateway.directories import directories

# where each is, and its first sentence: told here, so that --help loads none of them
_COMMANDS: Final = {
    "account": (
        "gateway.cli.account:account",
        "Add an account, move it to another domain, renew its key, say who finds it.",
    ),
    "backup": (
        "gateway.cli.backup:backup",
        "Write mail, contacts and settings to the new file TARGET, sealed to the recovery sheet.",
    ),
    "client": (
        "gateway.cli.client:client",
        "Make a password for PROGRAM and print the file that lets it use ADDRESS.",
    ),
    "contact": (
        "gateway.cli.contact:contact",
        "List contacts, invite them, compare keys with them, accept a changed key.",
    ),
    "decrypt": (
        "gateway.cli.decrypt:decrypt",
        "Decrypt mail that is encrypted by OpenPGP or S/MIME, with keys that you give; without, count it.",
    ),
    "demo": (
        "gateway.cli.demo:demo",
        "Run two people of two domains on this computer, alice@a.example and bob@b.example.",
    ),
    "device": (
        "gateway.cli.device:device",
        "List the devices of an account, and remove one that is lost.",
    ),
    "echo": (
        "gateway.cli.echo:echo",
        "Run an account that answers each message once and keeps none; give it a --home of its own.",
    ),
    "doctor": (
        "gateway.cli.doctor:doctor",
        "Look whether this gateway is as it should be, and say what to do where it is not.",
    ),
    "evidence": (
        "gateway.cli.evidence:evidence",
        "Check proof that a domain has lied about keys, or believe the domain again.",
    ),
    "export": (
        "gateway.cli.export:export",
        "Write all mail to the directory TARGET, with flags, tags and dates, and read it back.",
    ),
    "folder": (
        "gateway.cli.folder:folder",
        "List, add, show and remove folders that show mail by a rule.",
    ),
    "fsck": (
        "gateway.cli.fsck:fsck",
        "Check the stored mail of ACCOUNT, an address or the name of its directory.",
    ),
    "import": (
        "gateway.cli.import_:import_",
        "Bring all mail of SOURCE: mbox, Maildir, a directory of .eml, Thunderbird profile, imaps://user@host.",
    ),
    "legacy": (
        "gateway.cli.legacy:legacy",
        "Show, add and remove ordinary IMAP accounts whose mail comes in here.",
    ),
    "lock": (
        "gateway.cli.lock:lock",
        "Forget the master key: mail programs hear that the gateway is locked, and nothing is sent.",
    ),
    "migration": (
        "gateway.cli.migration:migration",
        "Show how much of your mail is end-to-end encrypted, with whom, and whom to invite.",
    ),
    "oauth": (
        "gateway.cli.oauth:oauth",
        "Ask for, list and remove permissions to use ordinary accounts (OAuth).",
    ),
    "page": (
        "gateway.cli.page:page",
        "Print a link to the page of this gateway; it is good once, and for ten minutes.",
    ),
    "password": (
        "gateway.cli.password:password",
        "Add, list and revoke the passwords that mail programs log in with.",
    ),
    "policy": (
        "gateway.cli.policy:policy",
        "Show, set and explain the rules about whom you write to how.",
    ),
    "proof": (
        "gateway.cli.proof:proof",
        "Prove that an ordinary address is yours, or check somebody's proof.",
    ),
    "queue": (
        "gateway.cli.queue:queue",
        "List what waits in the outbox, try it now, or give it up.",
    ),
    "recover": (
        "gateway.cli.restore:recover",
        "Take ADDRESS back with its recovery sheet alone, from any computer: it was lost or stolen.",
    ),
    "relay": (
        "gateway.cli.relay:relay",
        "Show, set and remove the account that ordinary (unencrypted) mail leaves by.",
    ),
    "restore": (
        "gateway.cli.restore:restore",
        "Bring the backup FILE back on this computer, which becomes a new device.",
    ),
    "sendmail": (
        "gateway.cli.sendmail:sendmail",
        "Send the message on standard input, with the options of sendmail: -t, -f ADDRESS, -i.",
    ),
    "status": (
        "gateway.cli.status:status",
        "Show accounts, connections to home servers, and what waits in the outbox.",
    ),
    "trust": (
        "gateway.cli.trust:trust",
        "Say how this computer is told to trust the gateway's certificate, and whether it does.",
    ),
    "uninstall": (
        "gateway.cli.doctor:uninstall",
        "Take everything of this gateway off this computer: mail, keys, configuration.",
    ),
    "unlock": (
        "gateway.cli.lock:unlock",
        "Open the accounts; asks for the passphrase, which counts where one was chosen.",
    ),
    "up": (
        "gateway.cli.up:up",
        "Run the gateway until Ctrl-C or SIGTERM; without an account it opens the page that leads on.",
    ),
}


# as --help lists them: what one does first stands first
_SECTIONS: Final = (
    ("To begin", ("up", "page", "account", "client", "trust", "status", "doctor")),
    ("Only to look", ("demo", "echo")),
    ("Whom you write to", ("contact", "policy", "proof", "evidence")),
    ("What waits, and what is sent from a script", ("queue", "sendmail")),
    ("Your mail, as folders and from elsewhere",
     ("folder", "import", "decrypt", "export", "legacy", "relay", "oauth", "migration")),
    ("Safe, and back again", ("backup", "restore", "recover", "device", "fsck")),
    ("Who may get in", ("password", "lock", "unlock", "uninstall")),
)  # fmt: skip


@final
class _Lazy(click.Group):
    """``--help`` costs no import of what it lists."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in _SECTIONS:
            with formatter.section(title):
                formatter.write_dl([(name, _COMMANDS[name][1]) for name in names])


@click.group(cls=_Lazy, epilog="Begin with: mx-gateway up")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep configuration, data and socket below this directory.",
)
@click.version_option(package_name="mx-gateway")
@click.pass_context
def program(ctx: click.Context, home: Path | None) -> None:
    """End-to-end encrypted mail in the mail program you already use."""
    ctx.obj = directories(home)
