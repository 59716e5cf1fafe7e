"""The program ``mx-home``.  Each command imports what it needs when it runs, so ``--help`` is fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from mx_core.homeserver.commands import asking, keying, stewarding
from mx_core.model.errors import MailError
from mx_core.program import command_line
from mx_core.program.spared import loading

_DIR: Final = asking.DIRECTORY
_FIRST: Final = (
    "First: mx-home init --dir FOLDER --domain YOUR.DOMAIN, publish the record that it prints, then"
    " mx-home serve --dir FOLDER. mx-home doctor --dir FOLDER says what is missing, and man mx-home more."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_FIRST)
@click.version_option(package_name="mx-gateway", prog_name="mx-home")
def program() -> None:
    """Serve one domain's encrypted mail: it stores and forwards, and can not read."""


@program.command()
@_DIR
@click.option("--domain", required=True, help="The domain whose mail it serves.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--public-host", default="", help="Name that others dial, if not --host.")
@click.option(
    "--port-base",
    type=click.IntRange(1, 65533),
    help="The first of three TCP ports: for strangers, for other servers, for devices. [default: 8443]",
)
@click.option(
    "--peers",
    type=click.Path(path_type=Path),
    help="A file of domains that are found without DNS; mx-home record --peers prints what goes in.",
)
@click.option("--nameserver", default="", help="Resolver to ask, host:port, if not the system's.")
def init(folder: Path, **wanted: Any) -> None:
    """Make the configuration and the domain key, and print the DNS record."""
    from mx_core.homeserver.commands.initialise import (  # noqa: PLC0415
        Wanted,
        initialise,
        public_key_of,
        txt_record,
    )
    from mx_core.homeserver.config import FILE_NAME  # noqa: PLC0415  # lazy: see the module

    config = initialise(folder, Wanted(**wanted))
    click.echo(txt_record(config, public_key_of(folder)))
    if config.dialled_host in {"127.0.0.1", "::1", "localhost"} and not config.discovery.peers:
        host = f"mailx.{config.domain}"
        click.echo(
            f"# only this computer reaches {config.dialled_host}. For others: host = "
            f'"0.0.0.0" and public_host = "{host}" in {folder / FILE_NAME}; mx-home record then '
            "prints the record to publish",
            err=True,
        )
    else:
        click.echo(
            f"# publish this record in the DNS of {config.domain}, then: mx-home serve --dir {folder}",
            err=True,
        )


@program.command()
@_DIR
@click.option(
    "--record-rpc",
    "record",
    type=click.Path(path_type=Path, file_okay=False),
    hidden=True,
    help="Diagnosis: write every decrypted message into this directory.",
)
def serve(folder: Path, record: Path | None) -> None:
    """Serve until SIGTERM; prints one line, ready, when all listeners accept."""
    import asyncio  # noqa: PLC0415  # lazy: see the module

    from mx_core.program import starting  # noqa: PLC0415
    from mx_core.program.memory import share_one_heap  # noqa: PLC0415

    share_one_heap()
    with starting.watched() as started:
        with loading():
            from mx_core.homeserver import app, config  # noqa: PLC0415
            from mx_core.program import logs  # noqa: PLC0415

        def ready() -> None:
            started()
            click.echo("ready")

        settings = config.load(folder)
        _must_be_own(folder)
        logs.configure(settings.log)
        asyncio.run(app.serve(folder, settings, record=record, ready=ready))


@program.command()
@_DIR
@click.option("--peers", is_flag=True, help="Print only what goes into another's peers file.")
@click.option("--mail-programs", "programs", is_flag=True, help="Print SRV records for them.")
def record(folder: Path, *, peers: bool, programs: bool) -> None:
    """Print what makes the domain findable: the DNS record, and a static peers stanza."""
    from mx_core.homeserver import config  # noqa: PLC0415  # lazy: see the module
    from mx_core.homeserver.commands.initialise import (  # noqa: PLC0415
        peers_stanza,
        public_key_of,
        txt_record,
    )
    from mx_core.homeserver.domain import domain_keys  # noqa: PLC0415  # lazy: see the module

    settings, public_key = config.load(folder), public_key_of(folder)
    if programs:
        from mx_core.mail_programs.srv import srv_records  # noqa: PLC0415

        click.echo("\n".join(srv_records(settings.domain)))
        return
    if not peers:
        keys = domain_keys.load(folder, public_key).published
        click.echo(f"# {txt_record(settings, *keys)}")
    click.echo(peers_stanza(settings, public_key), nl=False)


@program.command()
@_DIR
@click.pass_context
def doctor(context: click.Context, folder: Path) -> None:
    """Look at everything that must be right, and say what to do where it is not."""
    import asyncio  # noqa: PLC0415  # lazy: see the module
    import os  # noqa: PLC0415

    from mx_core.homeserver.commands.doctor import examine  # noqa: PLC0415

    if not asyncio.run(command_line.told(examine(folder))):
        context.exit(os.EX_CONFIG)


@program.command()
@_DIR
def limits(folder: Path) -> None:
    """Print every limit in force, and what crosses it hears."""
    from mx_core.homeserver import config  # noqa: PLC0415  # lazy: see the module
    from mx_core.homeserver.bounds.limits import rows  # noqa: PLC0415

    for what, _, value, answer in rows(config.load(folder)):
        click.echo(f"{what}\t{value}\t{answer}")


for _command in (
    *(asking.invite, asking.user, asking.status, asking.block),
    keying.domain_key,
    *(stewarding.queue, stewarding.backup, stewarding.restore, stewarding.export),
):
    program.add_command(_command)


def main() -> None:
    """Run the program."""
    command_line.run(program, "mx-home", _exit_code)


def _must_be_own(folder: Path) -> None:
    """Refuse to serve as root what is somebody else's: they could not use what root makes there."""
    import os  # noqa: PLC0415  # lazy: see the module

    from mx_core.homeserver.domain.domain_key import KeyNotPrivate  # noqa: PLC0415

    owner = folder.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        raise KeyNotPrivate(
            f"{folder} belongs to user {owner}: let that user serve it (systemctl start mx-home)"
        )


def _exit_code(error: MailError) -> int:
    from mx_core.homeserver.commands.exits import exit_code  # noqa: PLC0415  # lazy: see the module

    return exit_code(error)


if __name__ == "__main__":
    main()
