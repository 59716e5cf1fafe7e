"""The words of a recovery sheet, asked for and shown; never in an argument or the environment."""

from __future__ import annotations

import secrets
import sys
from typing import Final

import click

from mx_core.model.secret import Secret

_ROW: Final = 6
_ASKED_BACK: Final = 2


def asked_words(what: str) -> str:
    """Return the words that the person types at *what*, or the next line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(what, err=True))
    return sys.stdin.readline().strip()


def asked_passphrase() -> Secret[str]:
    """Return the passphrase that the person types, or the next line of standard input."""
    if sys.stdin.isatty():
        return Secret(str(click.prompt("Passphrase", hide_input=True, err=True)))
    return Secret(sys.stdin.readline().rstrip("\n"))


def show_words(words: str) -> None:
    """Print a new sheet, and have two of its words typed at a terminal."""
    click.echo("\nRecovery sheet: write these 24 words on paper. They are shown once, and kept")
    click.echo("nowhere; with them you get the address back when every device is lost.\n")
    typed = words.split()
    for n in range(0, len(typed), _ROW):
        click.echo("  " + " ".join(typed[n : n + _ROW]))
    click.echo("")
    if not sys.stdin.isatty():
        return
    for n in sorted(secrets.SystemRandom().sample(range(len(typed)), _ASKED_BACK)):
        while click.prompt(f"Word {n + 1} on your paper", err=True).strip().lower() != typed[n]:
            click.echo("That is not what stands above; look again.", err=True)
