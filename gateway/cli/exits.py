"""One sentence on standard error, and the exit status that says who must act."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mx_core.model.errors import MailError
from mx_core.program.exits import exit_status, first_of_ours


@contextmanager
def told_in_one_sentence(program: str) -> Iterator[None]:
    """End the program with one sentence instead of a trace, for every error of our tree.

    Errors of a task group are told by the first of them that is ours.
    """
    try:
        yield
    except MailError as error:
        _tell(program, error)
    except BaseExceptionGroup as group:
        ours = first_of_ours(group)
        if ours is None:
            raise
        _tell(program, ours)


def _tell(program: str, error: MailError) -> None:
    print(f"{program}: {error}", file=sys.stderr)  # noqa: T201  # the one place that speaks
    sys.exit(exit_status(error))
