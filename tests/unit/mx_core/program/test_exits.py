import pytest

from mx_core.model import errors
from mx_core.program.exits import exit_status


def every_class(kind: type[errors.MailError]) -> list[type[errors.MailError]]:
    found = [kind, *(c for child in kind.__subclasses__() for c in every_class(child))]
    # one of another room ends a program as its parent here, and may ask its constructor for more
    return [each for each in found if each.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", every_class(errors.MailError)[1:], ids=lambda k: k.__name__)
def test_every_error_of_the_tree_has_a_status_of_sysexits(kind: type[errors.MailError]) -> None:
    error = kind("x")

    assert 64 <= exit_status(error) <= 78
    assert exit_status(error) != 70


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.BadConfiguration("x"), 78),
        (errors.SchemaTooNew("x"), 65),
        (errors.PeerUnreachable("x"), 69),
        (errors.DiskFull("x"), 74),
        (errors.BadCredentials("x"), 77),
        (errors.NoSuchMailbox("x"), 65),
        (errors.Untrusted("pid"), 76),
    ],
)
def test_the_status_says_who_must_act(error: errors.MailError, status: int) -> None:
    assert exit_status(error) == status


def test_a_programs_own_rows_come_first() -> None:
    assert exit_status(errors.DiskFull("x"), [(errors.DiskFull, 73)]) == 73
