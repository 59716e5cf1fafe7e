"""``GET https://<domain>/.well-known/mailx-server``: the second opinion when DNS proves nothing.

A name chosen by a stranger makes us open a connection, so everything is bounded (``fetching``), and
the JSON has a depth of 8 at most.  Machines use ``doc`` and ``sig`` only.  docs/spec/discovery.md §5.

Failure classes: ``ssrf well-known``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

from mx_core.discovery.document import SignedDocument
from mx_core.discovery.web_settings import Resolve, WebSettings
from mx_core.model.errors import MailError, Untrusted
from mx_core.program.spared import spared

if TYPE_CHECKING:
    from mx_core.discovery.fetching import Web

PATH: Final = "/.well-known/mailx-server"
_DEPTH_MAX: Final = 8


class WellKnown:
    """Fetches documents of domains that strangers name."""

    def __init__(self, settings: WebSettings, resolve: Resolve) -> None:
        """*resolve* gives the addresses of a name."""
        self._settings = settings
        self._resolve = resolve
        self._web: Web | None = None  # made with the first question

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
        if self._web is None:
            self._web = await asyncio.to_thread(self._loaded)
        return parse_answer(await self._web.get(host, PATH))

    def _loaded(self) -> Web:
        with spared():
            from mx_core.discovery.fetching import Web  # noqa: PLC0415  # of few domains: see there

        return Web(self._settings, self._resolve)


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
