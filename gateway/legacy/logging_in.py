"""A connection that is logged in: by a password, by what a command prints, or by a permission of OAuth."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.legacy.client import ImapClient, Server
from gateway.legacy.oauth.grants import TokenSource
from gateway.legacy.secret import secret_of
from mx_core.model.errors import BadCredentials


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """What logs in; *oauth*: the permission kept for the server's user."""

    password: str = ""
    command: str = ""
    oauth: bool = False


async def logged_in(server: Server, login: Login, tokens: TokenSource) -> ImapClient:
    """Return a connection to *server*; what it does not take as a token is not shown to it again.

    Raises:
        Refused: A person must do something.  Unavailable: Not now.
    """
    if not login.oauth:
        return await ImapClient.open(server, await secret_of(login.password, login.command))
    try:
        return await ImapClient.open(server, await tokens.token(server.user))
    except BadCredentials:
        tokens.forget(server.user)
        raise
