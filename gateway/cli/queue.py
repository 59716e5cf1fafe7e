"""``mx-gateway queue``: mail that waits to leave, and why."""

from __future__ import annotations

import json

import click

from gateway.cli.asking import ask, look
from gateway.directories import Directories


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def queue(ctx: click.Context, *, as_json: bool) -> None:
    """List what waits in the outbox, try it now, or give it up."""
    if ctx.invoked_subcommand is not None:
        return
    answer = look(ctx.obj, "/queue")
    if as_json:
        click.echo(json.dumps(answer["queue"]))
        return
    for item in answer["queue"]:
        reason = f": {item['reason']}" if item["reason"] else ""
        click.echo(f"{item['queue_id']}  {item['state']:<7} to {item['recipient']}{reason}")


@queue.command()
@click.argument("queue_id")
@click.pass_obj
def retry(directories: Directories, queue_id: str) -> None:
    """Try QUEUE_ID now, also if it is held."""
    _tell(directories, "retry", queue_id, "tried again")


@queue.command()
@click.argument("queue_id")
@click.pass_obj
def cancel(directories: Directories, queue_id: str) -> None:
    """Give up what of QUEUE_ID has not left yet."""
    _tell(directories, "cancel", queue_id, "cancelled")


@queue.command()
@click.argument("queue_id")
@click.pass_obj
def ordinary(directories: Directories, queue_id: str) -> None:
    """Let what of QUEUE_ID is held leave as ordinary email, which others can read on its way."""
    _tell(directories, "ordinary", queue_id, "leaves as ordinary email")


def _tell(directories: Directories, verb: str, queue_id: str, done: str) -> None:
    answer = ask(directories, f"/queue/{verb}", {"queue_id": queue_id})
    click.echo(f"{done}: {answer['recipients']} recipients")
