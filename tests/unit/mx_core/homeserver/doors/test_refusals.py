"""One table from our errors to gRPC and to exit codes, and nothing of a bug's text gets out."""

from __future__ import annotations

import inspect

import grpc
import pytest

from mx_core.homeserver.commands.exits import exit_code
from mx_core.homeserver.doors.refusals import code_of
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
    assert exit_code(_made(kind)) in {65, 69, 73, 74, 75, 76, 77, 78}


@pytest.mark.parametrize("failure", ["leaf-key", "leaf-expired", "proof", "session"])
def test_a_peer_that_may_cure_it_is_told_to_prove_itself_again(failure: str) -> None:
    """docs/spec/federation.md §6."""
    assert code_of(Untrusted(failure)) is grpc.StatusCode.UNAUTHENTICATED
