"""The question that a browser takes to the provider, and the answer it brings back.  Pure.

RFC 6749 §4.1, RFC 7636 (PKCE, S256 only), RFC 8252.  Whoever else runs on this computer may see or
send anything to the loopback address: *state* tells our answer from others, and the *verifier*,
which never leaves this process but to the provider, makes a code that was seen useless.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlencode

from msgspec import Struct

from gateway.legacy.oauth.provider import Provider
from mx_core.model.errors import Refused

_RANDOM_OCTETS: Final = 32
_SHOWN_MAX: Final = 200


class Question(Struct, frozen=True):
    """What is asked, once."""

    url: str
    state: str
    verifier: str
    redirect: str

    @classmethod
    def new(
        cls,
        provider: Provider,
        client_id: str,
        user: str,
        port: int,
        entropy: Callable[[int], bytes],
    ) -> Question:
        """Return the question for *user*, answered at *port* of this computer.

        Raises:
            Refused: The provider asks nobody in a browser.
        """
        if not provider.authorization_url:
            raise Refused(f"{provider.name} has no page for a browser: use --device")
        state, verifier = _text(entropy(_RANDOM_OCTETS)), _text(entropy(_RANDOM_OCTETS))
        redirect = f"http://{provider.redirect_host}:{port}/"
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect,
            "scope": provider.scope,
            "state": state,
            "code_challenge": _text(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "login_hint": user,
            **provider.more,
        }
        joined = "&" if "?" in provider.authorization_url else "?"
        url = f"{provider.authorization_url}{joined}{urlencode(asked)}"
        return cls(url, state, verifier, redirect)

    def code_in(self, query: str) -> str | None:
        """Return the code that *query* brings; None: it is no answer to this question.

        Raises:
            Refused: It is, and says no.
        """
        try:
            found = parse_qs(query, max_num_fields=20)
        except ValueError:
            return None
        state = found.get("state", [""])
        if len(state) != 1 or not hmac.compare_digest(state[0].encode(), self.state.encode()):
            return None
        if "error" in found:
            raise Refused(f"permission was not given: {shown(found['error'][0])}")
        code = found.get("code", [])
        return code[0] if len(code) == 1 else None


def shown(text: str) -> str:
    """Return what somebody else has said, for one line of ours."""
    plain = "".join(c if c.isprintable() else " " for c in text[:_SHOWN_MAX])
    return " ".join(plain.split())


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
