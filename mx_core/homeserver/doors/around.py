"""What stands around every method of a gRPC server, whether it answers once or with a stream.

It is made once for each method: a call that waits for hours holds no part of it that is its own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from typing_extensions import override


class Around(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc is untyped
    """An interceptor that says what to do around a behaviour of either kind."""

    def __init__(self) -> None:
        self._made: dict[Any, grpc.RpcMethodHandler] = {}  # by what it stands around

    @override
    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        made = self._made.get(handler)
        if made is None:
            method = handler_call_details.method.rpartition("/")[2]
            made = self._made[handler] = _rewrapped(
                handler,
                lambda behaviour: self._single(behaviour, method),
                lambda behaviour: self._stream(behaviour, method),
            )
        return made

    @abstractmethod
    def _single(self, behaviour: Any, method: str) -> Any:
        """Return what answers in place of *behaviour*, which gives one reply."""

    @abstractmethod
    def _stream(self, behaviour: Any, method: str) -> Any:
        """Return what answers in place of *behaviour*, which gives a stream of replies."""


def _rewrapped(
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
