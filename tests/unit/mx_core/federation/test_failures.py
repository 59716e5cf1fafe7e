"""What a peer says never makes mail fail for good."""

from __future__ import annotations

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from mx_core.federation.failures import is_certificate_failure, translated
from mx_core.model.errors import Busy, PeerUnreachable, Unavailable, Untrusted

HANDSHAKE = "Ssl handshake failed: SSL_ERROR_SSL: OPENSSL_internal:CERTIFICATE_VERIFY_FAILED"


def failed(code: grpc.StatusCode, details: str = "") -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details)


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_is_something_to_try_again_later(code: grpc.StatusCode) -> None:
    error = translated(failed(code, "secret words of the peer"), "b.test")

    assert isinstance(error, Unavailable)
    assert "b.test" in str(error)
    assert "secret" not in str(error)


def test_a_busy_peer_is_told_from_an_absent_one() -> None:
    assert isinstance(translated(failed(grpc.StatusCode.RESOURCE_EXHAUSTED), "b.test"), Busy)
    assert isinstance(translated(failed(grpc.StatusCode.UNAVAILABLE), "b.test"), PeerUnreachable)


def test_only_a_certificate_that_we_refused_ourselves_is_untrusted() -> None:
    error = translated(failed(grpc.StatusCode.UNAVAILABLE, HANDSHAKE), "b.test")

    assert isinstance(error, Untrusted)
    assert error.failure == "peer-certificate"
    assert not is_certificate_failure(failed(grpc.StatusCode.UNAUTHENTICATED, HANDSHAKE))
    assert not is_certificate_failure(failed(grpc.StatusCode.UNAVAILABLE, "Socket closed"))
