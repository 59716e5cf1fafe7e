"""Permission being asked for: by a browser of this computer, or by a code typed on any device.

Driven by whoever waits for it (``answered``), so that nothing runs for a person who went away.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Final, Protocol

from gateway.legacy.oauth.authorization import Question, shown
from gateway.legacy.oauth.provider import Provider
from gateway.legacy.oauth.redirect import Redirect
from gateway.legacy.oauth.token_endpoint import DeviceCode, SaysNo, Tokens, ask
from mx_core.model.errors import PeerUnreachable, Refused, Unavailable

BROWSER_SECONDS: Final = 900.0
_DEVICE_SECONDS: Final = 3600.0
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER_SECONDS: Final = 5.0
_SHORTEST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0


class Client(Protocol):
    """Who asks, as it is registered there."""

    @property
    def client_id(self) -> str:
        """Return its public name."""

    @property
    def client_secret(self) -> str:
        """Return what came with that, or nothing."""


class Asking(Protocol):
    """One way to ask."""

    provider: Provider

    def told(self) -> dict[str, str]:
        """Return what the person is told: ``url``, and ``code`` where one is to be typed."""

    async def answered(self, seconds: float) -> Tokens | None:
        """Return the answer; None: not yet, within *seconds*.

        Raises:
            Refused: It is a no, or it took too long.  Unavailable: Ask for the answer again.
        """

    def close(self) -> None:
        """Ask no longer."""


class ByBrowser:
    """See ``Asking``; made by ``begin``."""

    def __init__(
        self, provider: Provider, client: Client, question: Question, redirect: Redirect
    ) -> None:
        self.provider = provider
        self._client = client
        self._question = question
        self._redirect = redirect
        self._ends = asyncio.get_running_loop().call_later(BROWSER_SECONDS, redirect.close)

    @classmethod
    async def begin(cls, provider: Provider, client: Client, user: str) -> ByBrowser:
        """Listen for the answer; raises Refused, Unavailable."""
        redirect = await Redirect.open()
        try:
            question = Question.new(
                provider, client.client_id, user, redirect.port, secrets.token_bytes
            )
        except BaseException:
            redirect.close()
            raise
        redirect.code_in = question.code_in
        return cls(provider, client, question, redirect)

    def told(self) -> dict[str, str]:
        """Return the URL that a browser of this computer is to open."""
        return {"url": self._question.url, "code": ""}

    async def answered(self, seconds: float) -> Tokens | None:
        """See ``Asking``."""
        try:
            code = await self._redirect.code(seconds)
        except asyncio.CancelledError:
            if asyncio.current_task() and asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            raise Refused("nobody answered in the browser in time; begin again") from None
        if code is None:
            return None
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._question.redirect,
            "code_verifier": self._question.verifier,
            **said_by(self._client),
        }
        return await ask(self.provider.token_url, form, Tokens, self.provider.name)

    def close(self) -> None:
        """See ``Asking``."""
        self._ends.cancel()
        self._redirect.close()


class ByDevice:
    """See ``Asking``; made by ``begin``.  RFC 8628."""

    def __init__(self, provider: Provider, client: Client, code: DeviceCode) -> None:
        self.provider = provider
        self._client = client
        self._code = code
        self._ends = time.monotonic() + min(code.expires_in, _DEVICE_SECONDS)
        self._interval = min(max(code.interval, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        self._next = time.monotonic() + self._interval

    @classmethod
    async def begin(cls, provider: Provider, client: Client) -> ByDevice:
        """Ask for a code; raises Refused, Unavailable."""
        if not provider.device_url:
            raise Refused(
                f"{provider.name} gives no codes for mail: use a browser, without --device"
            )
        form = {"client_id": client.client_id, "scope": provider.scope}
        code = await ask(provider.device_url, form, DeviceCode, provider.name)
        place = code.verification_uri or code.verification_url
        if not place.startswith(("https://", "http://127.0.0.1:")):
            raise PeerUnreachable(f"{provider.name} names no place where the code is typed")
        return cls(provider, client, code)

    def told(self) -> dict[str, str]:
        """Return what is typed, and where."""
        place = self._code.verification_uri or self._code.verification_url
        return {"url": shown(place), "code": shown(self._code.user_code)}

    async def answered(self, seconds: float) -> Tokens | None:
        """See ``Asking``."""
        until = time.monotonic() + seconds
        while True:
            if time.monotonic() >= self._ends:
                raise Refused("the code was not typed in time; begin again")
            if self._next > until:
                await asyncio.sleep(max(until - time.monotonic(), 0))
                return None
            await asyncio.sleep(max(self._next - time.monotonic(), 0))
            try:
                return await self._ask()
            except SaysNo as error:
                if error.code == "slow_down":
                    self._interval += _SLOWER_SECONDS
                elif error.code != "authorization_pending":
                    raise
            except Unavailable:
                self._interval = min(self._interval * 2, _LONGEST_SECONDS)  # RFC 8628 §3.5
            finally:
                self._next = time.monotonic() + self._interval

    async def _ask(self) -> Tokens:
        form = {
            "grant_type": _DEVICE_GRANT,
            "device_code": self._code.device_code,
            **said_by(self._client),
        }
        return await ask(self.provider.token_url, form, Tokens, self.provider.name)

    def close(self) -> None:
        """See ``Asking``: nobody is asked while nobody waits."""


def said_by(client: Client) -> dict[str, str]:
    """Return what says who asks, in a form.  RFC 6749 §2.3.1."""
    said = {"client_id": client.client_id}
    return {**said, "client_secret": client.client_secret} if client.client_secret else said
