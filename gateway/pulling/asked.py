"""What a person says of an account that is to be pulled; kept in the store, its secret never shown."""

from __future__ import annotations

import msgspec
from typing_extensions import override

from gateway.legacy.account_url import server_of
from gateway.legacy.client import ImapClient, Server
from gateway.legacy.logging_in import Login, logged_in
from gateway.legacy.oauth.grants import TokenSource
from mx_core.model.errors import Refused


class AskedPull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where, as whom, and what logs in."""

    url: str  # imaps://user@host
    secret: str = ""  # a password
    command: str = ""  # what prints one, or a token
    by_token: bool = False  # the command prints a token of OAuth
    oauth: bool = False  # by the permission that is kept for the user
    ca_file: str = ""  # trusted instead of the system's roots

    @override
    def __repr__(self) -> str:
        """Leave the secret out, whoever prints it."""
        return f"AskedPull({self.url})"

    @property
    def server(self) -> Server:
        """Return whom to connect to; raises Refused."""
        return server_of(self.url, self.ca_file, by_token=self.by_token or self.oauth)

    async def connected(self, tokens: TokenSource) -> ImapClient:
        """Return a connection that is logged in.

        Raises:
            Refused: A person must do something.  Unavailable: Not now.
        """
        if self.by_token and not self.command:
            raise Refused("a token of OAuth lasts an hour: name the command that prints a new one")
        login = Login(self.secret, self.command, self.oauth)
        return await logged_in(self.server, login, tokens)
