"""``mx-gateway echo``: the account that answers whoever tries the network for the first time."""

from __future__ import annotations

import json

import click

from gateway.cli.exits import told_in_one_sentence
from gateway.cli.words import show_words
from gateway.directories import Directories
from mx_core.model.address import Address
from mx_core.program.spared import loading


@click.group()
def echo() -> None:
    """Run an account that answers each message once and keeps none; give it a --home of its own."""


@echo.command()
@click.argument("address")
@click.option("--invite", required=True, help="The code that mx-home user add --echo printed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def join(directories: Directories, address: str, invite: str, *, as_json: bool) -> None:
    """Register ADDRESS as the echo of this --home, and print its recovery sheet."""
    with told_in_one_sentence("mx-gateway"):
        from gateway.echo import app  # noqa: PLC0415  # imports that --help spares

        words = app.join(directories, Address.parse(address), invite)
    if as_json:
        click.echo(json.dumps({"address": address, "recovery_words": words}))
        return
    click.echo(f"{address} is registered; mx-gateway echo serve lets it answer.")
    show_words(words)


@echo.command()
@click.pass_obj
def serve(directories: Directories) -> None:
    """Answer until SIGTERM or Ctrl-C; prints "ready" when it has begun."""
    with told_in_one_sentence("mx-gateway"):
        with loading():
            from gateway.echo import app  # noqa: PLC0415  # imports that --help spares

        app.serve(directories, ready=lambda: click.echo("ready"))
