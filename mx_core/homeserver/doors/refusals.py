"""Our errors as gRPC answers: one table, applied around every method of every listener.

A peer gets the one sentence of an error of ours, and of a bug only a reference; the log gets
the bug's type and places, never its text, which could hold what a person wrote.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
import structlog
from typing_extensions import override

from mx_core.model.errors import (
    BadCredentials,
    Busy,
    Corrupt,
    DiskFull,
    MailError,
    NotPermitted,
    Refused,
    Unavailable,
    UnknownRecipient,
    Untrusted,
)
from mx_core.program.logs import places

_log = structlog.get_logger()

Code = grpc.StatusCode

# the first family that an error belongs to decides
_TABLE: Final[tuple[tuple[type[MailError], grpc.StatusCode], ...]] = (
    (BadCredentials, Code.UNAUTHENTICATED),
    (NotPermitted, Code.PERMISSION_DENIED),
    (UnknownRecipient, Code.NOT_FOUND),
    (Refused, Code.INVALID_ARGUMENT),
    (Busy, Code.RESOURCE_EXHAUSTED),
    (DiskFull, Code.RESOURCE_EXHAUSTED),
    (Unavailable, Code.UNAVAILABLE),
    (Untrusted, Code.INVALID_ARGUMENT),
    (Corrupt, Code.INTERNAL),
)


# failures that the caller cures by proving itself again
_PROVE_AGAIN: Final = frozenset({"leaf-key", "leaf-expired", "proof", "session"})


def code_of(error: MailError) -> grpc.StatusCode:
    """Return the status that *error* is answered with."""
    if isinstance(error, Untrusted) and error.failure in _PROVE_AGAIN:
        return Code.UNAUTHENTICATED
    return next(code for family, code in _TABLE if isinstance(error, family))


class Refusals(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc is untyped
    """Stands around every method of a server."""

    def __init__(self, damaged: Callable[[], None]) -> None:
        """*damaged* is told when stored data has contradicted itself."""
        self._damaged = damaged

    @override
    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method.rpartition("/")[2]
        return rewrapped(
            handler,
            lambda behaviour: self._single(behaviour, method),
            lambda behaviour: self._stream(behaviour, method),
        )

    def _single(self, behaviour: Any, method: str) -> Any:
        async def answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                return await behaviour(request, context)
            except MailError as error:
                await self._refuse(context, method, error)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the one catch-all of a call
                await _broke(context, method, error)

        return answer

    def _stream(self, behaviour: Any, method: str) -> Any:
        async def answer(
            request: Any, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncIterator[Any]:
            try:
                async for reply in behaviour(request, context):
                    yield reply
            except MailError as error:
                await self._refuse(context, method, error)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the one catch-all of a call
                await _broke(context, method, error)

        return answer

    async def _refuse(self, context: Any, method: str, error: MailError) -> None:
        said = f"{error.failure}: {error}" if isinstance(error, Untrusted) else str(error)
        if isinstance(error, Corrupt):
            _log.error("data_damaged", method=method, error=type(error).__name__)
            self._damaged()
        else:
            _log.info("call_refused", method=method, error=type(error).__name__)
        await context.abort(code_of(error), said)


def rewrapped(
    handler: Any, single: Callable[[Any], Any], stream: Callable[[Any], Any]
) -> grpc.RpcMethodHandler:
    """Return *handler* with its behaviour wrapped, by whether it answers once or in a stream."""
    kinds = {
        (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler, single),
        (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler, stream),
        (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler, single),
        (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler, stream),
    }
    name, make, wrap = kinds[handler.request_streaming, handler.response_streaming]
    return make(
        wrap(getattr(handler, name)),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


async def _broke(context: Any, method: str, error: Exception) -> None:
    reference = secrets.token_hex(4)
    _log.error(
        "call_broke",
        method=method,
        reference=reference,
        error=type(error).__name__,
        places=places(error),
    )
    await context.abort(Code.INTERNAL, f"a bug of this server, reference {reference}")
