import pytest

from gateway.cli.exits import told_in_one_sentence
from mx_core.model import errors


def test_an_error_of_a_task_group_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    group = BaseExceptionGroup("g", [ExceptionGroup("h", [errors.DiskFull("the disk is full")])])

    with pytest.raises(SystemExit) as end, told_in_one_sentence("mx-gateway"):
        raise group
    assert end.value.code == 74
    assert capsys.readouterr().err == "mx-gateway: the disk is full\n"


def test_a_bug_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), told_in_one_sentence("mx-gateway"):
        raise ZeroDivisionError
