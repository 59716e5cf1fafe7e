"""An HTTPS site on loopback that answers with whatever octets a test wants."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from mx_core.discovery.document import SignedDocument
from mx_core.discovery.web_settings import WebSettings
from tests.support.certificates import web_certificate


class WebSite:
    """Made by ``web_site``; *answer* may be changed at any time."""

    def __init__(self, ca_file: Path) -> None:
        self.ca_file = ca_file
        self.port = 0
        self.answer: bytes | None = b""  # None: never answers
        self.requests: list[str] = []  # request line, then "Host"
        self.names: list[str | None] = []  # of TLS, RFC 6066 §3

    def settings(self, *, allow_private: bool = True) -> WebSettings:
        return WebSettings(port=self.port, allow_private=allow_private, ca_file=self.ca_file)

    def says(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
        self.answer = "\r\n".join([*lines, *headers, "", ""]).encode() + body

    def publishes(self, signed: SignedDocument) -> None:
        self.says(well_known(signed))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            host = next(line for line in lines if line.lower().startswith("host:"))
            self.requests.append(f"{lines[0]} {host.partition(':')[2].strip()}")
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


def well_known(signed: SignedDocument) -> bytes:
    """Return the file that publishes *signed*."""
    return json.dumps(
        {
            "server": "mx-home",
            "doc": base64.b64encode(signed.octets).decode(),
            "sig": base64.b64encode(signed.signature).decode(),
        }
    ).encode()


@asynccontextmanager
async def web_site(folder: Path, names: Sequence[str]) -> AsyncIterator[WebSite]:
    """Serve until the block ends, with a certificate for *names*."""
    ca, certificate, key = web_certificate(names)
    (folder / "web-ca.pem").write_bytes(ca)
    (folder / "web.pem").write_bytes(certificate + key)
    site = WebSite(folder / "web-ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "web.pem")
    context.sni_callback = lambda _socket, name, _context: site.names.append(name)
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        await server.wait_closed()
