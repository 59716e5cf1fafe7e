"""``mx-gateway status``: is it running, is mail moving, is anything waiting for me?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from gateway.cli.asking import look
from gateway.directories import Directories

_STEPS = {
    "reached": "has connected",
    "secured": "TLS",
    "logged_in": "logged in",
    "listed": "asked for folders",
    "fetched": "fetched",
    "submitted": "sent",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def status(directories: Directories, *, as_json: bool) -> None:
    """Show accounts, connections to home servers, and what waits in the outbox."""
    answer = look(directories, "/status")
    if as_json:
        click.echo(json.dumps(answer))
        return
    for account in answer["accounts"]:
        click.echo(_told(account))
    if answer["trial"]["address"]:
        trouble = answer["trial"]["trouble"]
        click.echo(
            f"Only trying: {answer['trial']['address']} reaches this computer and nobody else"
        )
        click.echo(f"  {trouble}" if trouble else "", nl=bool(trouble))
    if not answer["accounts"]:
        click.echo(
            "No account yet. Add one with: mx-gateway account add you@your.domain --invite CODE"
        )


def _steps(taken: Mapping[str, int]) -> str:
    return ", ".join(said for step, said in _STEPS.items() if step in taken)


def _told(account: Mapping[str, Any]) -> str:
    home = "connected" if account["connected"] else f"not connected ({account['trouble']})"
    lines = [f"{account['address']}: home server {home}"]
    lines += [
        f"  {count} {state} in the outbox"
        for state, count in account["outbox"].items()
        if count and state in {"queued", "sealed", "sent", "held"}
    ]
    if account["requests"]:
        lines.append(
            f"  {account['requests']} people ask to write to you: their mail is in Requests, and"
            " mx-gateway page asks whether you accept them"
        )
    if account["unreadable"]:
        lines.append(
            f"  {account['unreadable']} envelopes of the last 30 days were for a key that is gone;"
            " their senders are asked to seal them again"
        )
    if account["refused"]:
        lines.append(f"  {account['refused']} arrived envelopes did not prove what they claim")
    lines += [
        f"  {one['client'] or 'a mail program'} ({one['name']}): {_steps(one['steps'])}"
        for one in account["programs"]
        if one["steps"]
    ]
    index = account["search_index"]
    if index["waiting"]:
        lines.append(f"  {index['waiting']} messages are not in the search index yet")
    if index["faults"]:
        lines.append(
            f"  {index['faults']} faults of the search index, the last: {index['last_fault']}"
        )
    return "\n".join(lines)
