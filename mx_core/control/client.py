"""The command line's end of the control socket.  Blocking: a command asks once and prints.

Refuses to know what is asked.  An answer that is no 2xx carries one sentence under ``error``,
which becomes the text of one of our errors.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mx_core.model.errors import NotPermitted, PeerUnreachable, Refused, Unavailable

if TYPE_CHECKING:
    import httpx

_SECONDS: Final = 30.0
_FORBIDDEN: Final = 403
_SERVER_ERROR: Final = 500
_BEGIN: Final = {"mx-gateway": "start it with mx-gateway up"}  # unless whoever asks says more


class ControlClient:
    """Asks the daemon that listens at *path*; *program* is its name in sentences."""

    def __init__(
        self,
        path: Path,
        program: str = "the daemon",
        seconds: float = _SECONDS,
        *,
        begin: str = "",
    ) -> None:
        """*begin*: what a person types when nobody listens, for the end of that sentence."""
        self._path = path
        self._program = program
        self._seconds = seconds
        begin = begin or _BEGIN.get(program, "")
        self._begin = f": {begin}" if begin else ""

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON value at *path*; raises as ``post``."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer to *body*.

        Raises:
            PeerUnreachable: The daemon is not running, or does not answer in time.
            NotPermitted: This user may not ask it.
            Refused: It says that the request must change.
            Unavailable: It says that the same request may succeed later.
        """
        return self._ask("POST", path, json=body or {})

    def fetch(self, path: str, body: dict[str, Any]) -> bytes:
        """Return the octets that are the answer to *body*; raises as ``post``."""
        answer = self._answer("POST", path, json=body)
        if not answer.is_success:
            self._value(answer)
        return answer.content

    def hand(self, path: str, octets: bytes, **query: str) -> Any:
        """Return the JSON answer to *octets*; raises as ``post``."""
        return self._ask("POST", path, content=octets, params=query)

    def _ask(self, verb: str, path: str, **what: Any) -> Any:
        return self._value(self._answer(verb, path, **what))

    def _answer(self, verb: str, path: str, **what: Any) -> httpx.Response:
        self._must_answer()
        import httpx  # noqa: PLC0415  # takes longer than all else of a --help, which asks nobody

        transport = httpx.HTTPTransport(uds=str(self._path))
        try:
            # trust_env off: no proxy of the environment may see what is asked
            with httpx.Client(
                transport=transport,
                base_url="http://control",
                timeout=self._seconds,
                trust_env=False,
            ) as client:
                return client.request(verb, path, **what)
        except httpx.TimeoutException as error:
            raise PeerUnreachable(f"{self._program} did not answer in time") from error
        except httpx.TransportError as error:
            raise PeerUnreachable(f"{self._program} stopped before it answered") from error

    def _must_answer(self) -> None:
        # httpx leaves a socket open when nobody listens, and its sentence names no program
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(self._seconds)
            try:
                probe.connect(str(self._path))
            except PermissionError as error:
                raise NotPermitted(
                    f"this user may not ask at {self._path}: type it as root, or as the user that"
                    f" runs {self._program}"
                ) from error
            except OSError as error:
                raise PeerUnreachable(
                    f"{self._program} is not running (nobody answers at {self._path}){self._begin}"
                ) from error

    def _value(self, answer: httpx.Response) -> Any:
        try:
            value = answer.json()
        except ValueError as error:
            raise Unavailable(f"{self._program} gave an answer that is not JSON") from error
        if answer.is_success:
            return value
        sentence = value.get("error") if isinstance(value, dict) else None
        sentence = str(sentence or f"{self._program} answered {answer.status_code}")
        if answer.status_code == _FORBIDDEN:
            raise NotPermitted(sentence)
        if answer.status_code >= _SERVER_ERROR:
            raise Unavailable(sentence)
        raise Refused(sentence)
