"""What the command lines of the servers share: how a program ends, and how its doctor speaks."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from typing import Final, NoReturn

import click

from mx_core.model.errors import MailError
from mx_core.program.exits import exit_status, first_of_ours
from mx_core.program.finding import Finding

_INTERRUPTED: Final = 130
_USAGE: Final = 64  # sysexits(3)


def run(
    program: click.Group, name: str, status: Callable[[MailError], int] = exit_status
) -> NoReturn:
    """Run *program*; every error of ours ends it with one sentence and its own *status*.

    Errors of a task group are told by the first of them that is ours.
    """
    try:
        sys.exit(program.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(_INTERRUPTED)
    except click.ClickException as error:
        _end(name, error.format_message(), _USAGE)
    except MailError as error:
        _end(name, str(error), status(error))
    except BaseExceptionGroup as group:
        ours = first_of_ours(group)
        if ours is None:
            raise
        _end(name, str(ours), status(ours))


async def told(findings: AsyncIterator[Finding]) -> bool:
    """Print *findings* as they come; return whether nothing is to be done."""
    well = True
    async for finding in findings:
        click.echo(f"{'BAD ' if finding.do else 'good'}  {finding.said}")
        if finding.do:
            well = False
            click.echo(f"      do: {finding.do}")
    return well


def _end(name: str, sentence: str, status: int) -> NoReturn:
    click.echo(f"{name}: {sentence}", err=True)
    sys.exit(status)
