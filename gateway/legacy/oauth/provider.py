"""Where permission is asked for: Google, Microsoft, or whom the configuration names.  Pure.

The client id is the person's or the operator's own: none comes with this program, because a
provider ties what it allows to whoever registered one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gateway.config import OAuth
from mx_core.model.errors import BadConfiguration, Refused

_URLS: Final = ("authorization_url", "token_url", "device_url", "revocation_url")


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Its end points; RFC 6749 §3, RFC 8628 §3.1, RFC 7009 §2.  Empty: it has none."""

    name: str
    token_url: str
    authorization_url: str = ""
    device_url: str = ""
    revocation_url: str = ""
    scope: str = ""
    redirect_host: str = "127.0.0.1"  # RFC 8252 §7.3
    more: dict[str, str] = {}  # what it wants to be told beside, to give a refresh token


_MICROSOFT: Final = "https://login.microsoftonline.com/common/oauth2/v2.0/"
KNOWN: Final = {
    "google": Provider(
        "google",
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/v2/auth",
        # its device flow gives no permission to read mail, so it is not offered
        revocation_url="https://oauth2.googleapis.com/revoke",
        scope="https://mail.google.com/",
        more={"access_type": "offline", "prompt": "consent"},
    ),
    "microsoft": Provider(
        "microsoft",
        _MICROSOFT + "token",
        _MICROSOFT + "authorize",
        _MICROSOFT + "devicecode",
        scope=(
            "https://outlook.office.com/IMAP.AccessAsUser.All"
            " https://outlook.office.com/SMTP.Send offline_access"
        ),
        redirect_host="localhost",  # of registered clients it lets only this one have any port
    ),
}


def provider_of(name: str, tables: Mapping[str, OAuth]) -> Provider:
    """Return the provider called *name*, with what the configuration's *tables* say of it.

    Raises:
        Refused: There is none of that name.
        BadConfiguration: One of its URLs is not usable.
    """
    table = tables.get(name, OAuth())
    known = KNOWN.get(name)
    if known is None and not table.token_url:
        names = ", ".join(sorted({*KNOWN, *tables}))
        raise Refused(
            f"no provider is called {name!r}: there are {names}; others are named in the"
            f" configuration, [oauth.{name}] with token_url"
        )
    said = {key: getattr(table, key) for key in (*_URLS, "scope") if getattr(table, key)}
    provider = msgspec.structs.replace(known or Provider(name, table.token_url), **said)
    for key in _URLS:
        if url := getattr(provider, key):
            _check(url, f"oauth.{name}.{key}")
    return provider


def _check(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise BadConfiguration(f"{where} is no URL") from error
    if parts.scheme == "https" and host:
        return
    if parts.scheme != "http" or not _is_loopback(host):
        raise BadConfiguration(f"{where} must begin with https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
