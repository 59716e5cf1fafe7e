"""What a person named as a source, opened."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.legacy.account_url import server_of
from gateway.legacy.logging_in import Login
from gateway.legacy.oauth.grants import NoGrants, TokenSource
from gateway.migration.imap_source import ImapSource
from gateway.migration.importing import Asked
from gateway.migration.local.source import LocalSource
from gateway.migration.source import Source
from mx_core.model.errors import Refused

_SCHEMES: Final = ("imaps://", "imap://")


def open_source(asked: Asked, tokens: TokenSource | None = None) -> Source:
    """Return the source; raises Refused."""
    if asked.source.startswith(_SCHEMES):
        server = server_of(asked.source, asked.ca_file, by_token=asked.oauth)
        login = Login(asked.secret, asked.command, asked.oauth)
        return ImapSource(server, login, tokens or NoGrants(), all_mail=asked.all_mail)
    path = Path(asked.source)
    if not path.is_absolute():
        raise Refused("a source is an absolute path, or imaps://user@host")
    return LocalSource(path)
