"""``imaps://user@host:port``: how a person names an ordinary account.  RFC 5092 §3."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

from gateway.legacy.client import Server
from mx_core.model.errors import Refused

SCHEME: Final = "imaps"
_PORT: Final = 993


def server_of(url: str, ca_file: str = "", *, by_token: bool = False) -> Server:
    """Return whom *url* names.

    Raises:
        Refused: It is no such URL, or one that begins in clear.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
    except ValueError as error:
        raise Refused(f"{url} is no address of an account: imaps://user@host") from error
    if parts.scheme == "imap":
        raise Refused(
            "imap:// begins in clear and is not used, because whoever stands between can keep it"
            " so; write imaps://"
        )
    # the user is often an address: imaps://alice@a.example@mail.a.example
    user, _, host = parts.netloc.rpartition("@")
    host = host.rsplit(":", 1)[0] if parts.port else host
    if parts.scheme != SCHEME or not user or not host or parts.path.strip("/"):
        raise Refused(f"{url} is no address of an account: imaps://user@host")
    if ":" in user:
        raise Refused("a password does not belong into the address; it is asked for")
    return Server(host, port, unquote(user), ca_file, by_token)
