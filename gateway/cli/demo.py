"""``mx-gateway demo``: the whole thing on one machine, to look at or to check."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from gateway.cli.exits import told_in_one_sentence
from gateway.cli.settings import typed_settings

if TYPE_CHECKING:
    from gateway.demo.round_trip import Leg
    from gateway.demo.world import World


@click.command()
@click.option("--once", is_flag=True, help="Play one round trip, print what travelled, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as one line of JSON.")
@click.option("--stranger", is_flag=True, help="Add carol@b.example, whom nobody has accepted.")
@click.option("--echo", is_flag=True, help="Add echo@b.example, which answers what is sent to it.")
@click.option(
    "--port-base", type=int, default=0, help="First of fourteen ports; default: free ones."
)
def demo(*, once: bool, as_json: bool, stranger: bool, echo: bool, port_base: int) -> None:
    """Run two people of two domains on this computer, alice@a.example and bob@b.example.

    The two have accepted each other, so what they write goes to INBOX, not to Requests.
    """
    from gateway.demo.round_trip import play  # noqa: PLC0415  # spares --help its imports
    from gateway.demo.world import World  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with (
        told_in_one_sentence("mx-gateway"),
        tempfile.TemporaryDirectory(prefix="mx-demo-") as directory,
        World(Path(directory), port_base=port_base) as world,
    ):
        if once:
            legs = play(world)
            click.echo(_account_of(world, legs))
            if not all(leg.exact for leg in legs):
                click.echo("mx-gateway: a message did not arrive octet for octet", err=True)
                sys.exit(1)
            return
        settings = {side.person: msgspec.to_builtins(side.known) for side in world.sides}
        if stranger:
            settings["carol"] = msgspec.to_builtins(world.add_person(world.bob, "carol"))
        if echo:
            world.add_echo(world.bob)
        if as_json:
            click.echo(json.dumps(settings))
        else:
            for person, typed in settings.items():
                click.echo(f"{person}\n{typed_settings(typed)}\n")
            click.echo("Type one person's settings into a mail program and write to the other.")
            if echo:
                click.echo("echo@b.example answers what is sent to it.")
            click.echo("Ctrl-C ends everything and removes it.")
        stop.wait()


def _account_of(world: World, legs: Sequence[Leg]) -> str:
    lines = ["What travelled:"]
    lines += [_leg(leg) for leg in legs]
    lines.append("What the home servers saw of it:")
    lines += [
        f"  from {side.domain}: to {parcel['route']}, an envelope of "
        f"{parcel['envelope_octets']} octets and a body of {parcel['body_octets']} octets"
        for side in world.sides
        for parcel in world.sent_parcels(side)
    ]
    lines += [
        "Who could see what:",
        "  the mail programs and gateways of both people   everything",
        "  the sender's home server     that its user sent to the recipient's address, size, time",
        "  the recipient's home server  the sender's domain, the recipient, size, time",
        "  anybody else                 that two servers spoke TLS",
    ]
    return "\n".join(lines)


def _leg(leg: Leg) -> str:
    return (
        f"  {leg.sender} → {leg.recipient}: {leg.message_octets} octets, accepted in "
        f"{leg.submit_seconds * 1000:.0f} ms, in the other INBOX "
        f"{leg.arrive_seconds * 1000:.0f} ms later, "
        + ("octet for octet" if leg.exact else "CHANGED ON THE WAY")
    )
