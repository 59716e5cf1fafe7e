"""The program ``mx-door``.  Each command imports what it needs when it runs, so ``--help`` is fast."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from mx_core.program import command_line
from mx_core.program.spared import loading

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
    with loading():
        from mx_core.program import event_loop, logs  # noqa: PLC0415
        from smtp_in.door import app, config  # noqa: PLC0415

    settings = config.load(folder)
    logs.configure(settings.log)
    with event_loop.runner() as runner:
        runner.run(app.serve(folder, settings, ready=lambda: click.echo("ready")))


@program.command()
@_DIR
@click.pass_context
def doctor(context: click.Context, folder: Path) -> None:
    """Look at everything that must be right, and say what to do where it is not."""
    import asyncio  # noqa: PLC0415  # lazy: see the module
    import os  # noqa: PLC0415

    from smtp_in.door.doctor import examine  # noqa: PLC0415

    if not asyncio.run(command_line.told(examine(folder))):
        context.exit(os.EX_CONFIG)


def main() -> None:
    """Run the program."""
    command_line.run(program, "mx-door")


if __name__ == "__main__":
    main()
