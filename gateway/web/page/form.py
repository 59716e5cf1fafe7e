"""A form that a browser sent: urlencoded, small, each name once."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from mx_core.model.errors import Refused

_OCTETS_MAX: Final = 16 * 1024
_FIELDS_MAX: Final = 32
_KIND: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request, *names: str) -> list[str]:
    """Return the values of *names*, stripped; one that is absent is empty.

    Raises:
        Refused: Not a form, too large, not UTF-8, or a name stands twice.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise Refused("this page takes forms only")
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > _OCTETS_MAX:
            raise Refused("the form is too large")
    try:
        pairs = parse_qsl(
            octets.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError as error:
        raise Refused("the form is not understood") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("a field stands twice in the form")
    return [found.get(name, "").strip() for name in names]
