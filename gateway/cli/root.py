"""The command line: which file holds which command, loaded only when it is asked for.

Rules: results on standard output, everything else on standard error; ``--json`` prints one
document; statuses are those of sysexits(3); nothing is asked without a terminal.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import final

import click
from typing_extensions import override

from gateway.directories import directories

_COMMANDS = {
    "account": "gateway.cli.account:account",
    "backup": "gateway.cli.backup:backup",
    "client": "gateway.cli.client:client",
    "contact": "gateway.cli.contact:contact",
    "demo": "gateway.cli.demo:demo",
    "device": "gateway.cli.device:device",
    "echo": "gateway.cli.echo:echo",
    "doctor": "gateway.cli.doctor:doctor",
    "evidence": "gateway.cli.evidence:evidence",
    "export": "gateway.cli.export:export",
    "folder": "gateway.cli.folder:folder",
    "fsck": "gateway.cli.fsck:fsck",
    "import": "gateway.cli.import_:import_",
    "legacy": "gateway.cli.legacy:legacy",
    "lock": "gateway.cli.lock:lock",
    "page": "gateway.cli.page:page",
    "password": "gateway.cli.password:password",
    "policy": "gateway.cli.policy:policy",
    "proof": "gateway.cli.proof:proof",
    "queue": "gateway.cli.queue:queue",
    "recover": "gateway.cli.restore:recover",
    "relay": "gateway.cli.relay:relay",
    "restore": "gateway.cli.restore:restore",
    "sendmail": "gateway.cli.sendmail:sendmail",
    "status": "gateway.cli.status:status",
    "uninstall": "gateway.cli.doctor:uninstall",
    "unlock": "gateway.cli.lock:unlock",
    "up": "gateway.cli.up:up",
}


@final
class _Lazy(click.Group):
    """``--help`` costs no import of what it lists but the one line of help."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command


@click.group(cls=_Lazy)
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
