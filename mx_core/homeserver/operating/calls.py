"""How often each method was called, and how it ended: counted in this process, for a monitor."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from typing_extensions import override

from mx_core.homeserver.doors.around import Around

_LABELS_MAX: Final = 256  # methods of ours times codes of gRPC; a name that is no method has none


class Calls(Around):
    """Counts the calls of every listener by method and status; stands outside of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[tuple[str, str]] = Counter()
        self.open_streams = 0

    @override
    def _single(self, behaviour: Any, method: str) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            try:
                return await behaviour(request, context)
            finally:
                self._count(method, context)

        return answer

    @override
    def _stream(self, behaviour: Any, method: str) -> Any:
        async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
            self.open_streams += 1
            try:
                async for reply in behaviour(request, context):
                    yield reply
            finally:
                self.open_streams -= 1
                self._count(method, context)

        return answer

    def _count(self, method: str, context: Any) -> None:
        code = context.code()
        name = code.name if isinstance(code, grpc.StatusCode) else "OK"
        if len(self.counted) < _LABELS_MAX:
            self.counted[method, name] += 1
