"""Our errors as gRPC answers: one table, applied around every method of every listener.

A peer gets the one sentence of an error of ours, and of a bug only a reference; the log gets
the bug's type and places, never its text, which could hold what a person wrote.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
import structlog
from typing_extensions import override

from mx_core.homeserver.doors.around import Around
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


class Refusals(Around):
    """Stands around every method of a server."""

    def __init__(self, damaged: Callable[[], None]) -> None:
        """*damaged* is told when stored data has contradicted itself."""
        super().__init__()
        self._damaged = damaged

    @override
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

    @override
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
