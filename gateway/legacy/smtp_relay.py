"""Ordinary mail out: one message for one recipient to the person's own mail server, over TLS.

The only module that imports aiosmtplib.  Whether a message may leave this way is decided before
(``gateway.sending.ordinary``); here nothing is sent, and no password said, before TLS has verified the
server.  Octets are not changed.  RFC 6409, RFC 8314 §3.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from typing import Final

import structlog
from aiosmtplib import SMTP, SMTPException, SMTPResponseException
from aiosmtplib.errors import SMTPAuthenticationError, SMTPServerDisconnected

from gateway.legacy.oauth.grants import NoGrants, TokenSource
from gateway.legacy.relay_account import RelayAccount
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, Refused, RelayRefused

log = structlog.get_logger()

_SECONDS: Final = 60.0  # for each command; RFC 5321 §4.5.3.2 allows minutes, the queue tries again
_WHOLE_SECONDS: Final = 900.0  # for one message
_IDLE_SECONDS: Final = 15.0  # a connection is kept for the next recipient
_AT_ONCE: Final = 2
_SENTENCE_MAX: Final = 300
_ENHANCED: Final = re.compile(r"([45]\.\d{1,3}\.\d{1,3})\b")
_PERMANENT: Final = 500


class SmtpRelay:
    """Connections to one person's mail server; at most two, and one kept while idle."""

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        tokens: TokenSource | None = None,
    ) -> None:
        """*context* verifies the server's certificate and name."""
        self._tokens = tokens or NoGrants()
        self._context = context
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._idle: tuple[RelayAccount, SMTP] | None = None
        self._idle_end: asyncio.TimerHandle | None = None

    async def send(
        self, account: RelayAccount, sender: Address, recipient: Address, octets: bytes
    ) -> None:
        """Return once the server has taken the message.

        Raises:
            RelayRefused: It never will.  PeerUnreachable: Not now.
        """
        async with self._room:
            try:
                async with asyncio.timeout(_WHOLE_SECONDS):
                    await self._send(account, sender, recipient, octets)
            except SMTPAuthenticationError as error:
                raise PeerUnreachable(
                    f"{account.host} does not take the login: {_sentence(error)}"
                ) from error
            except SMTPResponseException as error:
                raise _refusal(account.host, error) from error
            except (SMTPException, OSError, TimeoutError) as error:
                why = type(error).__name__
                raise PeerUnreachable(
                    f"{account.host} cannot be used for ordinary email now ({why})"
                ) from error

    async def close(self) -> None:
        """Say goodbye to a connection that is kept."""
        kept = self._take_idle()
        if kept is not None:
            await _leave(kept[1])

    async def _send(
        self, account: RelayAccount, sender: Address, recipient: Address, octets: bytes
    ) -> None:
        client, fresh = await self._connected(account)
        try:
            options, encoding = _options(client, account.host, sender, recipient, octets)
            try:
                await client.mail(account.sender or str(sender), options=options, encoding=encoding)
            except SMTPServerDisconnected:
                if fresh:
                    raise
                client = await self._new(account)  # it had only been kept too long
                await client.mail(account.sender or str(sender), options=options, encoding=encoding)
            await client.rcpt(str(recipient), encoding=encoding)
            await client.data(octets)
        except BaseException:
            client.close()
            raise
        self._keep(account, client)
        log.info("relayed_as_ordinary_mail", octets=len(octets))

    async def _connected(self, account: RelayAccount) -> tuple[SMTP, bool]:
        kept = self._take_idle()
        if kept is not None and kept[0] == account and kept[1].is_connected:
            return kept[1], False
        if kept is not None:
            kept[1].close()
        return await self._new(account), True

    async def _new(self, account: RelayAccount) -> SMTP:
        client = SMTP(
            hostname=account.host,
            port=account.port,
            use_tls=account.implicit,
            start_tls=not account.implicit,  # True: STARTTLS, or not at all
            tls_context=self._context(),
            username=None if account.oauth else account.username,
            password=None if account.oauth else account.password,
            local_hostname="localhost",  # the name of the machine is nobody's business
            timeout=_SECONDS,
        )
        try:
            await client.connect()
            if account.oauth:
                await self._show_token(client, account)
        except SMTPAuthenticationError:
            raise
        except SMTPResponseException as error:  # no word on the message; it may soon be mended
            raise PeerUnreachable(f"{account.host} says: {_sentence(error)}") from error
        except BaseException:
            client.close()
            raise
        return client

    async def _show_token(self, client: SMTP, account: RelayAccount) -> None:
        await client.ehlo()
        if "XOAUTH2" not in client.esmtp_extensions.get("auth", "").upper().split():
            raise PeerUnreachable(f"{account.host} takes no token of OAuth (XOAUTH2)")
        try:
            token = await self._tokens.token(account.username)
        except Refused as error:  # the message waits: a person can give permission anew
            raise PeerUnreachable(str(error)) from error
        try:
            await client.auth_xoauth2(account.username, token.reveal())
        except SMTPAuthenticationError:
            self._tokens.forget(account.username)
            raise

    def _keep(self, account: RelayAccount, client: SMTP) -> None:
        if self._idle is not None:
            client.close()
            return
        self._idle = (account, client)
        self._idle_end = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._drop_idle)

    def _take_idle(self) -> tuple[RelayAccount, SMTP] | None:
        if self._idle_end is not None:
            self._idle_end.cancel()
            self._idle_end = None
        kept, self._idle = self._idle, None
        return kept

    def _drop_idle(self) -> None:
        kept = self._take_idle()
        if kept is not None:
            kept[1].close()


async def _leave(client: SMTP) -> None:
    try:
        async with asyncio.timeout(2.0):
            await client.quit()
    except (SMTPException, OSError, TimeoutError):
        client.close()


def _options(
    client: SMTP, host: str, sender: Address, recipient: Address, octets: bytes
) -> tuple[list[str], str]:
    """Return the parameters of MAIL and the encoding of addresses.

    Raises:
        RelayRefused: The server cannot carry the message as it is, and nothing is rewritten.
    """
    options: list[str] = []
    if not octets.isascii():
        if not client.supports_extension("8bitmime"):
            raise RelayRefused(f"{host} takes no 8-bit messages", "5.6.3")
        options.append("BODY=8BITMIME")
    header_end = octets.find(b"\r\n\r\n")
    wide = not (str(sender) + str(recipient)).isascii()
    if wide and not client.supports_extension("smtputf8"):
        raise RelayRefused(f"{host} takes no addresses with more than ASCII", "5.6.7")
    header = octets if header_end < 0 else octets[:header_end]
    if wide or (client.supports_extension("smtputf8") and not header.isascii()):
        options.append("SMTPUTF8")  # RFC 6531 §3.4
    if client.supports_extension("size"):
        options.append(f"SIZE={len(octets)}")
    return options, "utf-8" if wide else "ascii"


def _refusal(host: str, error: SMTPResponseException) -> RelayRefused | PeerUnreachable:
    sentence = f"{host} says: {_sentence(error)}"
    if error.code < _PERMANENT:
        return PeerUnreachable(sentence)
    found = _ENHANCED.match(error.message)
    return RelayRefused(sentence, found[1] if found and found[1][0] == "5" else "5.0.0")


def _sentence(error: SMTPResponseException) -> str:
    text = "".join(c if c.isprintable() else " " for c in error.message[:_SENTENCE_MAX])
    return f"{error.code} {' '.join(text.split())}"
