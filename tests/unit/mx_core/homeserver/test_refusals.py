"""One table from our errors to gRPC and to exit codes, and nothing of a bug's text gets out."""

from __future__ import annotations

import inspect

import grpc
import pytest

from mx_core.homeserver.exits import exit_code
from mx_core.homeserver.refusals import code_of, places
from mx_core.model import errors
from mx_core.model.errors import MailError, Untrusted

FAMILIES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, MailError) and kind is not MailError
]


def _made(kind: type[MailError]) -> MailError:
    return kind("size") if kind is not Untrusted else Untrusted("size")


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_error_has_a_status_and_an_exit_code(kind: type[MailError]) -> None:
    assert code_of(_made(kind)) is not grpc.StatusCode.OK
    assert exit_code(_made(kind)) in {64, 65, 69, 73, 74, 75, 77, 78}


@pytest.mark.parametrize("failure", ["leaf-key", "leaf-expired", "proof", "session"])
def test_a_peer_that_may_cure_it_is_told_to_prove_itself_again(failure: str) -> None:
    """docs/spec/federation.md §6."""
    assert code_of(Untrusted(failure)) is grpc.StatusCode.UNAUTHENTICATED


def _break(text: str) -> None:
    raise ValueError(text)


def test_the_places_of_a_bug_hold_no_value() -> None:
    with pytest.raises(ValueError, match="a subject") as caught:
        _break("a subject")

    found = places(caught.value)

    assert found[-1].startswith("test_refusals.py:")
    assert "subject" not in "".join(found)
