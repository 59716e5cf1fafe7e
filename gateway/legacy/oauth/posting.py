"""One POST of a form to a provider, and its answer of at most 64 KiB.

The room of httpx, which costs 4 MB and is loaded with the first permission that is asked or renewed
(``token_endpoint``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from mx_core.model.errors import PeerUnreachable

_SECONDS: Final = 20.0
_OCTETS_MAX: Final = 64 * 1024


async def posted(url: str, form: Mapping[str, str], name: str) -> tuple[int, bytes]:
    """Return status and body of what the provider called *name* answers to *form*.

    Raises:
        PeerUnreachable: It can not be reached, or answers without end.
    """
    settings: dict[str, Any] = {"timeout": _SECONDS, "trust_env": False, "follow_redirects": False}
    found = bytearray()
    try:
        async with (
            httpx.AsyncClient(**settings) as client,
            client.stream(
                "POST", url, data=dict(form), headers={"accept": "application/json"}
            ) as answer,
        ):
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > _OCTETS_MAX:
                    raise PeerUnreachable(f"{name} answers without end")
            return answer.status_code, bytes(found)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PeerUnreachable(f"{name} can not be reached ({type(error).__name__})") from error
