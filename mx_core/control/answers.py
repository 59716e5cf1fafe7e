"""Our errors as JSON answers of a control socket, so that both daemons say them alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mx_core.model.errors import MailError, NotPermitted, Refused, Unavailable

_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_UNAVAILABLE: Final = 503
_CONFLICT: Final = 409


def refusal(_: Request, error: Exception) -> Response:
    """Answer *error* with its one sentence; register it for ``MailError`` in the app."""
    return JSONResponse({"error": str(error)}, status_code=_status(error))


EXCEPTION_HANDLERS: Final[Mapping[Any, Any]] = {MailError: refusal}


def _status(error: Exception) -> int:
    if isinstance(error, NotPermitted):
        return _FORBIDDEN
    if isinstance(error, Refused):
        return _BAD_REQUEST
    if isinstance(error, Unavailable):
        return _UNAVAILABLE
    return _CONFLICT  # Untrusted or Corrupt: a person has to look
