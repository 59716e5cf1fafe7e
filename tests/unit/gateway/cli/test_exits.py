import pytest

from gateway.cli.exits import exit_status, told_in_one_sentence
from mx_core.model import errors


def every_class(kind: type[errors.MailError]) -> list[type[errors.MailError]]:
    return [kind, *(c for child in kind.__subclasses__() for c in every_class(child))]


@pytest.mark.parametrize("kind", every_class(errors.MailError)[1:], ids=lambda k: k.__name__)
def test_every_error_of_the_tree_has_a_status_of_sysexits(kind: type[errors.MailError]) -> None:
    error = kind("x")

    assert 64 <= exit_status(error) <= 78
    assert exit_status(error) != 70


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.BadConfiguration("x"), 78),
        (errors.SchemaTooNew("x"), 78),
        (errors.PeerUnreachable("x"), 75),
        (errors.DiskFull("x"), 74),
        (errors.BadCredentials("x"), 77),
        (errors.NoSuchMailbox("x"), 65),
        (errors.Untrusted("pid"), 76),
    ],
)
def test_the_status_says_who_must_act(error: errors.MailError, status: int) -> None:
    assert exit_status(error) == status


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
