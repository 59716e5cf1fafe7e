"""The commands of ``mx-home`` for its queue and its copies.  ``restore`` alone needs no server."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mx_core.homeserver.commands.asking import DIRECTORY, control


@click.group()
def queue() -> None:
    """What waits to leave."""


@queue.command(name="list")
@DIRECTORY
def list_queue(folder: Path) -> None:
    """List destinations: domain, items, seconds until the next try."""
    for each in control(folder).get("/queue")["destinations"]:
        click.echo(f"{each['domain']}\t{each['items']}\t{each['due_in']}")


@queue.command()
@DIRECTORY
@click.argument("domain", required=False)
def retry(folder: Path, domain: str | None) -> None:
    """Try DOMAIN at once, or every destination."""
    for each in control(folder).post("/queue/retry", {"domain": domain})["destinations"]:
        click.echo(each)


@queue.command()
@DIRECTORY
@click.argument("domain")
def drop(folder: Path, domain: str) -> None:
    """Give up what waits for DOMAIN; each sender gets a report."""
    click.echo(control(folder).post("/queue/drop", {"domain": domain})["dropped"])


@click.command()
@DIRECTORY
@click.option("--to", required=True, type=click.Path(path_type=Path), help="A folder to be made.")
def backup(folder: Path, to: Path) -> None:
    """Copy everything into a new folder while mail goes on; the domain key is in it."""
    told = control(folder, seconds=3_600.0).post("/backup", {"to": str(to.absolute())})
    click.echo(f"{told['to']}: whole, with {told['bodies']} large bodies")


@click.command()
@DIRECTORY
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder that backup made.",
)
def restore(folder: Path, source: Path) -> None:
    """Make a new folder a home server's out of a backup; no server may run of either."""
    import asyncio  # noqa: PLC0415  # lazy: --help is fast

    from mx_core.homeserver.operating import backup as copies  # noqa: PLC0415  # lazy: --help is fast

    bodies = asyncio.run(copies.restore(source, folder))
    click.echo(f"{folder}: restored, with {bodies} large bodies")


@click.command()
@DIRECTORY
def export(folder: Path) -> None:
    """Print the public record of the people, one JSON object a line."""
    for person in control(folder).get("/export")["people"]:
        click.echo(json.dumps(person))
