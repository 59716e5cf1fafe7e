"""The commands of ``mx-home`` that change the domain key, in three steps with time between them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mx_core.homeserver.commands.asking import DIRECTORY

if TYPE_CHECKING:
    from mx_core.homeserver.domain.domain_keys import DomainKeys

_NOW: Final = click.option("--now", "at_once", is_flag=True, help="Do not wait for others' caches.")


@click.group(name="domain-key")
def domain_key() -> None:
    """The key that speaks for the domain, and its change: begin, roll, retire."""


@domain_key.command()
@DIRECTORY
def show(folder: Path) -> None:
    """Print the keys of the domain: state and key."""
    from mx_core.discovery.txt import key_text  # noqa: PLC0415  # lazy: --help is fast
    from mx_core.homeserver.commands.initialise import public_key_of  # noqa: PLC0415
    from mx_core.homeserver.domain import domain_keys  # noqa: PLC0415

    keys = domain_keys.load(folder, public_key_of(folder))
    for each in keys.in_document(time.time()):
        click.echo(f"{each.state.name.lower()}\t{key_text(each.public_key)}")


@domain_key.command()
@DIRECTORY
def begin(folder: Path) -> None:
    """Make the next key, signed for by the active one, and print the record to publish."""
    from mx_core.homeserver import config  # noqa: PLC0415  # lazy: --help is fast
    from mx_core.homeserver.domain import domain_keys  # noqa: PLC0415  # lazy: --help is fast

    keys = domain_keys.begin(folder, config.load(folder).domain, time.time())
    _say(folder, keys, "in three days: mx-home domain-key roll")


@domain_key.command()
@DIRECTORY
@_NOW
def roll(folder: Path, *, at_once: bool) -> None:
    """Let the next key speak for the domain; the one before still counts."""
    from mx_core.homeserver import config  # noqa: PLC0415  # lazy: --help is fast
    from mx_core.homeserver.domain import domain_keys  # noqa: PLC0415  # lazy: --help is fast

    domain = config.load(folder).domain
    keys = domain_keys.roll(folder, domain, time.time(), at_once=at_once)
    _say(folder, keys, "in three days: mx-home domain-key retire")


@domain_key.command()
@DIRECTORY
@_NOW
def retire(folder: Path, *, at_once: bool) -> None:
    """Let the key before the active one count no more."""
    from mx_core.homeserver.domain import domain_keys  # noqa: PLC0415  # lazy: --help is fast

    _say(folder, domain_keys.retire(folder, time.time(), at_once=at_once), "the change is done")


def _say(folder: Path, keys: DomainKeys, after: str) -> None:
    from mx_core.homeserver import config  # noqa: PLC0415  # lazy: --help is fast
    from mx_core.homeserver.commands.initialise import txt_record  # noqa: PLC0415

    click.echo(txt_record(config.load(folder), *keys.published))
    click.echo(f"# publish that, start mx-home again, and {after}", err=True)
