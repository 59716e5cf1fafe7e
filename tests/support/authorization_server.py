"""A small authorization server over HTTP on loopback: RFC 6749, RFC 7636, RFC 8628, RFC 7009.

It checks what a strict provider checks, and takes each code and each renewed token once.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from gateway.config import OAuth

CLIENT_ID, CLIENT_SECRET = "client-of-alice", "client-secret-canary"


@dataclass
class AuthorizationServer:
    """*consent*: what the person there says; None: nothing yet."""

    port: int = 0
    consent: bool | None = True
    rotates: bool = True  # each renewal gives another refresh token, and ends the last
    offline: bool = True  # gives refresh tokens at all
    lasts: int = 3600
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # by path, in place of ours
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path, form
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    good: set[str] = field(default_factory=set)  # refresh tokens
    shown: set[str] = field(default_factory=set)  # access tokens

    @property
    def table(self) -> OAuth:
        """What an operator writes into the configuration."""
        base = f"http://127.0.0.1:{self.port}"
        return OAuth(
            client_id=CLIENT_ID, client_secret=CLIENT_SECRET, scope="mail",
            authorization_url=f"{base}/authorize?tenant=1", token_url=f"{base}/token",
            device_url=f"{base}/device", revocation_url=f"{base}/revoke",
        )  # fmt: skip

    def visited(self, url: str) -> str:
        """Do what a person does at *url*, in a browser; return to where it leads them."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert query["code_challenge_method"] == "S256"
        back = {"state": query["state"]}
        if self.consent:
            code = secrets.token_hex(8)
            self.codes[code] = query
            back["code"] = code
        else:
            back["error"] = "access_denied"
        return f"{query['redirect_uri']}?{urlencode(back)}"

    async def browse(self, url: str) -> int:
        """Go to *url* as a browser, and to where it leads; return the last status."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            return (await browser.get(self.visited(url))).status_code

    # ── what it answers ─────────────────────────────────────────────────────────────
    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if path == "/device":
            self.codes["device"] = form
            at = f"http://127.0.0.1:{self.port}/type"
            return 200, {
                "device_code": "device", "user_code": "ABCD-EFGH", "verification_uri": at,
                "expires_in": 600, "interval": 1,
            }  # fmt: skip
        if path == "/revoke":
            self.good.discard(form["token"])
            return 200, {}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        match form.get("grant_type"):
            case "authorization_code":
                return self._for_code(form)
            case "refresh_token":
                token = form["refresh_token"]
                if token not in self.good:
                    return 400, {"error": "invalid_grant", "error_description": "gone\r\nfor good"}
                if self.rotates:
                    self.good.discard(token)
                return 200, self._tokens(renewed=None if self.rotates else "")
            case "urn:ietf:params:oauth:grant-type:device_code":
                if self.consent is None:
                    return 400, {"error": "authorization_pending"}
                if not self.consent or form["device_code"] not in self.codes:
                    return 400, {"error": "access_denied"}
                return 200, self._tokens()
            case _:
                return 400, {"error": "unsupported_grant_type"}

    def _for_code(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        query = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or challenge != query["code_challenge"]
            or form["redirect_uri"] != query["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, self._tokens()

    def _tokens(self, renewed: str | None = None) -> dict[str, object]:
        access = f"access-canary-{len(self.shown)}"
        self.shown.add(access)
        told: dict[str, object] = {
            "access_token": access, "token_type": "bearer", "expires_in": str(self.lasts),
        }  # fmt: skip
        if self.offline and renewed is None:
            renewed = f"refresh-canary-{secrets.token_hex(4)}"
            self.good.add(renewed)
            told["refresh_token"] = renewed
        return told

    # ── the socket ──────────────────────────────────────────────────────────────────
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            length = next(
                int(line.split(":")[1]) for line in lines if line.lower().startswith("content-le")
            )
            form = dict(parse_qsl((await reader.readexactly(length)).decode()))
            path = lines[0].split(" ")[1]
            self.asked.append((path, form))
            status, octets = self.answers.get(path, (0, b""))
            if not status:
                status, told = self.answer(path, form)
                octets = json.dumps(told).encode()
            writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(octets)))
            writer.write(octets)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def authorization_server() -> AsyncIterator[AuthorizationServer]:
    """Serve one on loopback until the block ends."""
    made = AuthorizationServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await asyncio.sleep(0)
