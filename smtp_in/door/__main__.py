"""The program ``mx-door``.  Each command imports what it needs when it runs, so ``--help`` is fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from mx_core.model.errors import MailError

_DIR: Final = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/var/lib/mx-home/door"),
    show_default=True,
    help="The folder door/ in the directory of its home server.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mx-gateway", prog_name="mx-door")
def program() -> None:
    """Take ordinary mail for one domain, and seal it to its people before it touches a disk."""


@program.command()
@_DIR
def serve(folder: Path) -> None:
    """Serve until SIGTERM; prints one line, ready, when mail is taken."""
    import asyncio  # noqa: PLC0415  # lazy: see the module

    from mx_core.program import logs  # noqa: PLC0415
    from smtp_in.door import app, config  # noqa: PLC0415

    settings = config.load(folder)
    logs.configure(settings.log)
    asyncio.run(app.serve(folder, settings, ready=lambda: click.echo("ready")))


@program.command()
@_DIR
@click.pass_context
def doctor(context: click.Context, folder: Path) -> None:
    """Look at everything that must be right, and say what to do where it is not."""
    import asyncio  # noqa: PLC0415  # lazy: see the module
    import os  # noqa: PLC0415

    from smtp_in.door.doctor import examine  # noqa: PLC0415

    async def look() -> bool:
        well = True
        async for finding in examine(folder):
            click.echo(f"{'BAD ' if finding.do else 'good'}  {finding.said}")
            if finding.do:
                well = False
                click.echo(f"      do: {finding.do}")
        return well

    if not asyncio.run(look()):
        context.exit(os.EX_CONFIG)


def main() -> None:
    """Run the program; every error of ours ends it with one sentence and its own code."""
    try:
        sys.exit(program.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        click.echo(f"mx-door: {error.format_message()}", err=True)
        sys.exit(64)
    except MailError as error:
        from mx_core.program.exits import exit_status  # noqa: PLC0415  # lazy: see the module

        click.echo(f"mx-door: {error}", err=True)
        sys.exit(exit_status(error))


if __name__ == "__main__":
    main()
