"""``mx-gateway up``: the daemon, in the foreground."""

from __future__ import annotations

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.program.spared import loading


@click.command()
@click.option(
    "--port-base",
    type=int,
    help="Use ports N to N+3 for IMAP, SMTP and both with TLS, N+4 for the page.",
)
@click.option("--moved", is_flag=True, help="The data directory was moved here, and not copied.")
@click.pass_obj
def up(directories: Directories, port_base: int | None, *, moved: bool) -> None:
    """Run the gateway until Ctrl-C or SIGTERM; without an account it opens the page that leads on.

    Prints "ready" when mail programs can connect.
    """
    with told_in_one_sentence("mx-gateway"):
        with loading():
            from gateway.app import run  # noqa: PLC0415  # half a second that --help spares

        run(directories, port_base=port_base, moved=moved)
