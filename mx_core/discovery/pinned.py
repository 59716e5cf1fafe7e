"""An httpx transport that connects only to an address it has judged itself.

The name is resolved once; *every* address it has must be allowed, and the connection goes to one
of exactly those, so an answer that changes between the check and the connection (DNS rebinding)
changes nothing.  TLS still proves the *name*.  docs/spec/discovery.md §5.

Failure class: ``ssrf``.
"""

from __future__ import annotations

import ssl
from typing import Final

import httpx
from typing_extensions import override

from mx_core.discovery.addresses import is_allowed
from mx_core.discovery.web_settings import Resolve
from mx_core.model.errors import PeerUnreachable, Untrusted

_TRIED_MAX: Final = 2


class PinnedTransport(httpx.AsyncBaseTransport):
    """HTTPS to one port, to vetted addresses."""

    def __init__(
        self, resolve: Resolve, trust: ssl.SSLContext, *, port: int, allow_private: bool
    ) -> None:
        """*resolve* gives the addresses of a name; it is asked once per request."""
        self._resolve = resolve
        self._port = port
        self._allow_private = allow_private
        self._inner = httpx.AsyncHTTPTransport(verify=trust, trust_env=False, retries=0)

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; the name stays in the Host field and in TLS, the address is ours.

        Raises:
            Untrusted: ``ssrf``: not https, another port, or an address that is not allowed.
            PeerUnreachable: The name has no address.
        """
        url = request.url
        if url.scheme != "https" or (url.port or 443) != self._port:
            raise Untrusted("ssrf", "only https on the one configured port is fetched")
        addresses = await self._resolve(url.host)
        if not addresses:
            raise PeerUnreachable(f"{url.host} has no address")
        for address in addresses:
            if not is_allowed(address, allow_private=self._allow_private):
                raise Untrusted("ssrf", f"{url.host} leads to an address that is not allowed")
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        last: httpx.TransportError | None = None
        for address in addresses[:_TRIED_MAX]:
            request.url = url.copy_with(host=address)
            try:
                return await self._inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                last = error
        raise PeerUnreachable(f"{url.host} cannot be reached") from last

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()
