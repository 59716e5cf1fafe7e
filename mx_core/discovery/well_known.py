"""``GET https://<domain>/.well-known/mailx-server``: the second opinion when DNS proves nothing.

A name chosen by a stranger makes us open a connection, so everything is bounded: one port, vetted
addresses, no redirect, no proxy, no compression, 64 KiB, 3 s to connect, 5 s in all, JSON of
depth 8.  Machines use ``doc`` and ``sig`` only.  docs/spec/discovery.md §5.

Failure classes: ``ssrf well-known``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from mx_core.discovery.document import SignedDocument
from mx_core.discovery.pinned import PinnedTransport, Resolve
from mx_core.model.errors import MailError, PeerUnreachable, Untrusted

PATH: Final = "/.well-known/mailx-server"
BODY_OCTETS_MAX: Final = 64 * 1024
_CONNECT_SECONDS: Final = 3.0
_TOTAL_SECONDS: Final = 5.0
_DEPTH_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Anything but the defaults is for tests."""

    port: int = 443
    allow_private: bool = False
    ca_file: Path | None = None  # instead of the system's certificate authorities


class WellKnown:
    """Fetches documents of domains that strangers name."""

    def __init__(self, settings: WebSettings, resolve: Resolve) -> None:
        """*resolve* gives the addresses of a name."""
        self._settings = settings
        self._resolve = resolve
        self._trust = ssl.create_default_context(
            cafile=str(settings.ca_file) if settings.ca_file else None
        )

    async def fetch(self, domain: str) -> SignedDocument:
        """Return what the web says of *domain*, asked at its own name, else at ``mailx.<domain>``.

        Raises:
            PeerUnreachable: Neither answers in time with a document.
            Untrusted: ``ssrf``, or ``well-known``: an answer that breaks the rules.
        """
        try:
            return await self._fetch_from(domain)
        except MailError:
            return await self._fetch_from(f"mailx.{domain}")

    async def _fetch_from(self, host: str) -> SignedDocument:
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
                client.stream("GET", f"https://{host}:{self._settings.port}{PATH}") as response,
            ):
                return parse_answer(await _bounded_body(response, host))
        except (TimeoutError, httpx.HTTPError) as error:
            raise PeerUnreachable(f"https://{host}{PATH} cannot be fetched") from error


def parse_answer(body: bytes) -> SignedDocument:
    """Return the ``doc`` and ``sig`` of the JSON object *body*.

    Raises:
        Untrusted: ``well-known``.
    """
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        content = json.loads(text, object_pairs_hook=_without_doubles, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise Untrusted("well-known", "the well-known file is not the JSON we expect") from error
    if not isinstance(content, dict):
        raise Untrusted("well-known", "the well-known file is no JSON object")
    return SignedDocument(_octets(content.get("doc")), _octets(content.get("sig")))


async def _bounded_body(response: httpx.Response, host: str) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise PeerUnreachable(f"https://{host}{PATH} answers {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Untrusted("well-known", f"https://{host}{PATH} is compressed, which was not asked")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > BODY_OCTETS_MAX:
            raise Untrusted("well-known", f"https://{host}{PATH} is larger than 64 KiB")
    return bytes(body)


def _check_depth(text: str) -> None:
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > _DEPTH_MAX:
                raise ValueError("too deep")
        elif character in "]}":
            depth -= 1


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name twice in one object")
    return content


def _octets(value: object) -> bytes:
    if not isinstance(value, str):
        raise Untrusted("well-known", "the well-known file lacks doc or sig")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Untrusted("well-known", "doc or sig is not base64") from error
