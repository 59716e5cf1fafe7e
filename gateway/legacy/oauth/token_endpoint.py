"""Asking a provider over HTTPS: one POST of a form, one bounded answer in JSON.

RFC 6749 §3.2 and §5, RFC 8628 §3.  Nothing of an answer is believed but what is read here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import msgspec

from gateway.legacy.oauth.authorization import shown
from mx_core.model.errors import PeerUnreachable, Refused
from mx_core.program.spared import spared

_TOKEN_MAX: Final = 16 * 1024
_OK: Final = 200
_CLIENT_ERRORS: Final = range(400, 500)
_TOO_MANY: Final = 429

T = TypeVar("T", bound=msgspec.Struct)


class SaysNo(Refused):
    """The provider refused; *code* is its word for why (RFC 6749 §5.2)."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class Tokens(msgspec.Struct, frozen=True):
    """What permission is shown with.  RFC 6749 §5.1."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # a kind, not a secret
    expires_in: float = 3600.0
    refresh_token: str = ""

    def __post_init__(self) -> None:
        for text in (self.access_token, self.refresh_token):
            # it is said in lines of IMAP and SMTP
            if len(text) > _TOKEN_MAX or not text.isascii() or not text.isprintable():
                raise ValueError("no token")
        if not self.access_token or self.token_type.lower() != "bearer":
            raise ValueError("no bearer token")


class DeviceCode(msgspec.Struct, frozen=True):
    """What a person types on another device, and where.  RFC 8628 §3.2."""

    device_code: str
    user_code: str
    expires_in: float
    verification_uri: str = ""
    verification_url: str = ""  # as Google calls it
    interval: float = 5.0


class _Error(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


async def ask(url: str, form: Mapping[str, str], kind: type[T], name: str) -> T:
    """Return the answer of the provider called *name* to *form*.

    Raises:
        SaysNo: It refuses.
        PeerUnreachable: It can not be reached, or its answer is not understood.
    """
    status, octets = await _posted(url, form, name)
    if status == _OK:
        try:
            return msgspec.json.decode(octets, type=kind, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PeerUnreachable(f"{name} gives an answer that is not understood") from error
    refusal = _refusal(octets)
    if status in _CLIENT_ERRORS and status != _TOO_MANY and refusal.error:
        why = shown(f"{refusal.error} {refusal.error_description}")
        raise SaysNo(f"{name} refuses: {why}", refusal.error)
    raise PeerUnreachable(f"{name} answers {status}")


async def revoke(url: str, token: str, name: str) -> None:
    """Have *token* be of no use any more.  RFC 7009.  Raises as ``ask``."""
    status, octets = await _posted(url, {"token": token}, name)
    if status != _OK:
        raise PeerUnreachable(f"{name} answers {status} {shown(_refusal(octets).error)}")


def _refusal(octets: bytes) -> _Error:
    try:
        return msgspec.json.decode(octets, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Error()


async def _posted(url: str, form: Mapping[str, str], name: str) -> tuple[int, bytes]:
    posted = await asyncio.to_thread(_loaded)
    return await posted(url, form, name)


def _loaded() -> Callable[[str, Mapping[str, str], str], Awaitable[tuple[int, bytes]]]:
    with spared():
        from gateway.legacy.oauth.posting import posted  # noqa: PLC0415  # of few accounts: see there

    return posted
