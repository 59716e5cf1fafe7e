import asyncio
from collections.abc import AsyncIterator

import click
import pytest

from mx_core.model import errors
from mx_core.program.command_line import run, told
from mx_core.program.finding import Finding


def ended(error: BaseException | None) -> int | str | None:
    """Return the status of a program whose one command raises *error*."""

    @click.group()
    def program() -> None:
        pass

    @program.command()
    def serve() -> None:
        if error is not None:
            raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["mx-server", "serve"])
        with pytest.raises(SystemExit) as end:
            run(program, "mx-server")
    return end.value.code


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (errors.BadConfiguration("mend it"), 78, "mx-server: mend it\n"),
        (
            ExceptionGroup("of a task", [ExceptionGroup("inner", [errors.DiskFull("make room")])]),
            74,
            "mx-server: make room\n",
        ),
        (click.UsageError("no such thing"), 64, "mx-server: no such thing\n"),
        (click.exceptions.Abort(), 130, ""),
    ],
)
def test_a_program_ends_with_one_sentence_and_the_status_that_says_who_must_act(
    error: BaseException | None, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(error) == status
    assert capsys.readouterr().err == said


def test_a_defect_is_told_with_its_trace() -> None:
    @click.command()
    def defect() -> None:
        raise ExceptionGroup("of a task", [ZeroDivisionError()])

    group = click.Group(commands={"defect": defect})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["mx-server", "defect"])
        with pytest.raises(ExceptionGroup):
            run(group, "mx-server")


@pytest.mark.parametrize("do", ["", "mend it"])
def test_findings_are_told_as_they_come(do: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def findings() -> AsyncIterator[Finding]:
        yield Finding("the disk is there")
        yield Finding("the key is readable", do)

    assert asyncio.run(told(findings())) is (do == "")
    wrong = "good  the disk is there\nBAD   the key is readable\n      do: mend it\n"
    right = "good  the disk is there\ngood  the key is readable\n"
    assert capsys.readouterr().out == (wrong if do else right)
