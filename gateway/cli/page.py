"""``mx-gateway page``: a link to the page, good once."""

from __future__ import annotations

import webbrowser

import click

from gateway.cli.asking import ask
from gateway.directories import Directories


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser, too.")
@click.pass_obj
def page(directories: Directories, *, in_browser: bool) -> None:
    """Print a link to the page of this gateway; it is good once, and for ten minutes."""
    answer = ask(directories, "/page")
    click.echo(answer["link"])
    if in_browser:
        webbrowser.open(answer["link"])
