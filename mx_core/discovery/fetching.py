"""One bounded GET over HTTPS at a name that a stranger chose: one port, vetted addresses, no redirect.

No proxy, no compression, 64 KiB, 3 s to connect, 5 s in all.  The room of httpx, which costs 4 MB and
is loaded with the first domain that is asked over the web (``well_known``).  docs/spec/discovery.md §5.

Failure classes: ``ssrf well-known``.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, final

import httpx

from mx_core.discovery.pinned import PinnedTransport
from mx_core.discovery.web_settings import Resolve, WebSettings
from mx_core.model.errors import PeerUnreachable, Untrusted

BODY_OCTETS_MAX: Final = 64 * 1024
_CONNECT_SECONDS: Final = 3.0
_TOTAL_SECONDS: Final = 5.0


@final
class Web:
    """The web as *settings* allow it; whom it trusts is read once."""

    def __init__(self, settings: WebSettings, resolve: Resolve) -> None:
        """*resolve* gives the addresses of a name."""
        self._settings = settings
        self._resolve = resolve
        self._trust = ssl.create_default_context(
            cafile=str(settings.ca_file) if settings.ca_file else None
        )

    async def get(self, host: str, path: str) -> bytes:
        """Return what *host* gives at *path*.

        Raises:
            PeerUnreachable: It does not answer 200 in time.
            Untrusted: ``ssrf``, or ``well-known``: an answer that breaks the rules.
        """
        transport = PinnedTransport(
            self._resolve,
            self._trust,
            port=self._settings.port,
            allow_private=self._settings.allow_private,
        )
        try:
            async with (
                asyncio.timeout(_TOTAL_SECONDS),
                httpx.AsyncClient(
                    transport=transport,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=httpx.Timeout(_TOTAL_SECONDS, connect=_CONNECT_SECONDS),
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                ) as client,
                client.stream("GET", f"https://{host}:{self._settings.port}{path}") as response,
            ):
                return await _bounded_body(response, f"https://{host}{path}")
        except (TimeoutError, httpx.HTTPError) as error:
            raise PeerUnreachable(f"https://{host}{path} cannot be fetched") from error


async def _bounded_body(response: httpx.Response, url: str) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise PeerUnreachable(f"{url} answers {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Untrusted("well-known", f"{url} is compressed, which was not asked")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > BODY_OCTETS_MAX:
            raise Untrusted("well-known", f"{url} is larger than 64 KiB")
    return bytes(body)
