"""``mx-gateway page``: a link to the page, good once."""

from __future__ import annotations

import webbrowser

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser, too.")
@click.pass_obj
def page(directories: Directories, *, in_browser: bool) -> None:
    """Print a link to the page of this gateway; it is good once, and for ten minutes."""
    with told_in_one_sentence("mx-gateway"):
        answer = ControlClient(directories.control_socket, "mx-gateway").post("/page", {})
    click.echo(answer["link"])
    if in_browser:
        webbrowser.open(answer["link"])
