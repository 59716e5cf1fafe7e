"""Tests of this folder talk gRPC."""

from tests.support.one_loop import anyio_backend, one_loop

__all__ = ["anyio_backend", "one_loop"]
