"""Permissions that one person was given: kept in the sealed store, made into tokens when asked for.

What is kept is what renews (the refresh token); what is shown to mail servers lasts about an hour
and stays in memory.  Neither is ever told to anybody but the provider and the mail server.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import structlog
from typing_extensions import override

from gateway.config import OAuth
from gateway.legacy.oauth.asking import Asking, ByBrowser, ByDevice, said_by
from gateway.legacy.oauth.provider import Provider, provider_of
from gateway.legacy.oauth.token_endpoint import SaysNo, Tokens, ask, revoke
from mx_core.db import failpoint
from mx_core.model.clock import Now
from mx_core.model.errors import Refused, Unavailable
from mx_core.model.secret import Secret
from mx_core.store.own.setting import Settings

log = structlog.get_logger()

_NAME: Final = "oauth"
_GRANTS_MAX: Final = 40
_ASKING_MAX: Final = 4
_WAIT_SECONDS: Final = 20.0
_EARLY_SECONDS: Final = 120.0  # a token is renewed so long before its end
_NONE: Final = "there is no permission for {}: mx-gateway oauth grant"
_ENDED: Final = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})


class AskedGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of whom, where, and how permission is asked for."""

    user: str  # as the mail servers call the account
    provider: str
    client_id: str = ""  # empty: that of the configuration
    client_secret: str = ""
    device: bool = False  # by a code that is typed anywhere

    @override
    def __repr__(self) -> str:
        """Leave the secret out, whoever prints it."""
        return f"AskedGrant({self.provider})"


class Grant(msgspec.Struct, frozen=True):
    """What is kept."""

    user: str
    provider: Provider
    client_id: str
    client_secret: str
    refresh_token: str

    @override
    def __repr__(self) -> str:
        """Leave secrets out, whoever prints it."""
        return f"Grant({self.provider.name})"


class TokenSource(Protocol):
    """Where whoever logs in gets a token."""

    async def token(self, user: str) -> Secret[str]:
        """Return one that is good now; raises Refused, Unavailable."""

    def forget(self, user: str) -> None:
        """Take a new one the next time: a server did not take the last."""


class NoGrants(TokenSource):
    """Where no permission is kept."""

    @override
    async def token(self, user: str) -> Secret[str]:
        raise Refused(_NONE.format(user))

    @override
    def forget(self, user: str) -> None:
        """There is none."""


class Grants(TokenSource):
    """Over one account; see the module."""

    def __init__(self, settings: Settings, tables: Mapping[str, OAuth], now: Now) -> None:
        self._settings = settings
        self._tables = tables
        self._now = now
        self._asking: OrderedDict[str, tuple[AskedGrant, Asking]] = OrderedDict()
        self._tokens: dict[str, tuple[Secret[str], float]] = {}
        self._turn = asyncio.Lock()  # whoever changes what is kept, or renews a token

    # ── asking for permission ───────────────────────────────────────────────────────
    async def begin(self, asked: AskedGrant) -> dict[str, str]:
        """Ask; return what the person is to open or type, and under which ``id`` to wait.

        Raises:
            Refused, Unavailable: It can not be asked for so.
        """
        if not 0 < len(asked.user) <= 320 or not asked.user.isprintable():  # noqa: PLR2004  # RFC 5321 §4.5.3.1
            raise Refused("the name by which the mail servers know the account is needed")
        provider = provider_of(asked.provider, self._tables)
        table = self._tables.get(asked.provider, OAuth())
        if not asked.client_id:
            asked = msgspec.structs.replace(
                asked, client_id=table.client_id, client_secret=table.client_secret
            )
        if not asked.client_id:
            raise Refused(
                f"a client id that is registered at {asked.provider} is needed: --client-id, or"
                f" client_id below [oauth.{asked.provider}] in the configuration"
            )
        way: Asking = (
            await ByDevice.begin(provider, asked)
            if asked.device
            else await ByBrowser.begin(provider, asked, asked.user)
        )
        ident = secrets.token_hex(16)
        self._asking[ident] = asked, way
        while len(self._asking) > _ASKING_MAX:
            self._asking.popitem(last=False)[1][1].close()
        return {"id": ident, **way.told()}

    async def wait(self, ident: str) -> bool:
        """Tell whether permission was given, and is kept; False: not yet, wait again.

        Raises:
            Refused: It was not, and will not be.  Unavailable: Not now.
        """
        if ident not in self._asking:
            raise Refused("this is not being asked for any more; begin again")
        asked, way = self._asking[ident]
        try:
            tokens = await way.answered(_WAIT_SECONDS)
            if tokens is None:
                return False
            await self._keep(asked, way.provider, tokens)
        except Refused:
            self._end(ident)
            raise
        self._end(ident)
        return True

    def _end(self, ident: str) -> None:
        if ident in self._asking:
            self._asking.pop(ident)[1].close()

    async def _keep(self, asked: AskedGrant, provider: Provider, tokens: Tokens) -> None:
        if not tokens.refresh_token:
            raise Refused(
                f"{provider.name} gave permission for an hour only (no refresh token): its client"
                " must be allowed to ask for offline access"
            )
        grant = Grant(
            asked.user, provider, asked.client_id, asked.client_secret, tokens.refresh_token
        )
        async with self._turn:
            kept = {one.user: one for one in await self._all()}
            if grant.user not in kept and len(kept) >= _GRANTS_MAX:
                raise Refused(f"at most {_GRANTS_MAX} permissions are kept")
            # Crash before this: nothing is kept, and the person begins again.
            await self._put({**kept, grant.user: grant})
            self._hold(grant.user, tokens)
        log.info("permission_kept", provider=provider.name)

    # ── tokens ──────────────────────────────────────────────────────────────────────
    @override
    async def token(self, user: str) -> Secret[str]:
        """Return a token for *user* that is good now.

        Raises:
            Refused: There is no permission (any more).  Unavailable: Not now.
        """
        async with self._turn:
            held = self._tokens.get(user)
            if held is not None and self._now() < held[1]:
                return held[0]
            return await self._renewed(user)

    @override
    def forget(self, user: str) -> None:
        """Take a new token the next time: a server did not take the last."""
        self._tokens.pop(user, None)

    async def _renewed(self, user: str) -> Secret[str]:
        kept = {one.user: one for one in await self._all()}
        grant = kept.get(user)
        if grant is None:
            raise Refused(_NONE.format(user))
        form = {
            "grant_type": "refresh_token",
            "refresh_token": grant.refresh_token,
            **said_by(grant),
        }
        try:
            tokens = await ask(grant.provider.token_url, form, Tokens, grant.provider.name)
        except SaysNo as error:
            if error.code in _ENDED:
                raise Refused(
                    f"the permission for {user} has ended ({error}): mx-gateway oauth grant"
                ) from error
            raise
        # Crash here: some providers take the old one no longer; then the person is told to
        # give permission anew.
        failpoint.reach("token_renewed")
        if tokens.refresh_token and tokens.refresh_token != grant.refresh_token:
            renewed = msgspec.structs.replace(grant, refresh_token=tokens.refresh_token)
            await self._put({**kept, user: renewed})
        return self._hold(user, tokens)

    def _hold(self, user: str, tokens: Tokens) -> Secret[str]:
        token = Secret(tokens.access_token)
        self._tokens[user] = token, self._now() + tokens.expires_in - _EARLY_SECONDS
        return token

    # ── what is kept ────────────────────────────────────────────────────────────────
    async def all(self) -> list[dict[str, Any]]:
        """Return whose permissions are kept, and of which provider."""
        return [{"user": one.user, "provider": one.provider.name} for one in await self._all()]

    async def remove(self, user: str) -> bool:
        """Forget the permission; return whether the provider was told and has ended it, too.

        Raises:
            Refused: There is none.
        """
        async with self._turn:
            kept = {one.user: one for one in await self._all()}
            grant = kept.pop(user, None)
            if grant is None:
                raise Refused(f"there is no permission for {user}")
            # Crash before this: it is kept, and can be removed again.
            await self._put(kept)
            self.forget(user)
        if not grant.provider.revocation_url:
            return False
        with contextlib.suppress(Unavailable):
            await revoke(grant.provider.revocation_url, grant.refresh_token, grant.provider.name)
            return True
        return False

    def close(self) -> None:
        """Ask no longer for anything."""
        while self._asking:
            self._asking.popitem()[1][1].close()

    async def _all(self) -> list[Grant]:
        octets = await self._settings.get(_NAME)
        return msgspec.json.decode(octets, type=list[Grant]) if octets else []

    async def _put(self, grants: Mapping[str, Grant]) -> None:
        await self._settings.put(_NAME, msgspec.json.encode(list(grants.values())))
