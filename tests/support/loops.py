"""The event loop of a test, and what still comes for it once it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")

# where gRPC compiles what it calls back
_GRPC = "grpc._cython.cygrpc"


class TestLoop(asyncio.SelectorEventLoop):
    """A loop that drops what gRPC has to say after it is closed.

    One thread of gRPC waits for all loops of a process, and the end of a cancelled call may come after
    the test that made it.  Whichever loop runs then is handed it, passes it on to the closed one, and
    the refusal of that one would be an error of a test that has nothing to do with the call; what else
    was told in the same breath would be left lying.  A gateway has one loop, which outlives its calls.
    """

    __test__ = False

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        if self.is_closed() and any(type(given).__module__ == _GRPC for given in args):
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon_threadsafe(callback, *args, context=context)
