"""The little of Marionette that is needed to drive Thunderbird: JSON over TCP, chrome context.

``[0, id, name, parameters]`` goes out as ``<length>:<json>``; ``[1, id, error, result]`` comes
back likewise.  The server speaks first.
"""

import json
import socket
from typing import Any


class MarionetteError(Exception):
    """Thunderbird refused a command, or a script threw."""


class Marionette:
    """One session."""

    def __init__(self, port: int, timeout: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._buffer = b""
        self._number = 0
        self.hello = self._read()

    def start(self, script_seconds: float) -> dict[str, Any]:
        """Open the session in the chrome context; return its capabilities."""
        session = self.command(
            "WebDriver:NewSession", acceptInsecureCerts=False, unhandledPromptBehavior="ignore"
        )
        self.command("WebDriver:SetTimeouts", script=int(script_seconds * 1000))
        self.command("Marionette:SetContext", value="chrome")
        capabilities: dict[str, Any] = session["capabilities"]
        return capabilities

    def command(self, name: str, **parameters: object) -> Any:
        """Send one command and return its result."""
        self._number += 1
        frame = json.dumps([0, self._number, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(frame), frame))
        while True:
            kind, number, error, result = self._read()
            if (kind, number) == (1, self._number):
                break
        if error:
            raise MarionetteError(f"{error.get('error')}: {error.get('message')}")
        return result["value"] if isinstance(result, dict) and list(result) == ["value"] else result

    def script(self, prelude: str, body: str, *args: object) -> Any:
        """Run *body* as an async function after *prelude*; ``args`` is the list of arguments."""
        code = (
            "const args = Array.from(arguments); const done = args.pop();\n"
            "(async () => {\n" + prelude + body + "\n})().then("
            "v => done({v: v === undefined ? null : v}),"
            " e => done({e: String(e) + ' ' + (e && e.stack || '')}));"
        )
        result = self.command(
            "WebDriver:ExecuteAsyncScript",
            script=code,
            args=list(args),
            sandbox="system",
            newSandbox=True,
        )
        if "e" in result:
            raise MarionetteError(result["e"])
        return result["v"]

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> Any:
        while b":" not in self._buffer:
            self._more()
        size, _, self._buffer = self._buffer.partition(b":")
        length = int(size)
        while len(self._buffer) < length:
            self._more()
        frame, self._buffer = self._buffer[:length], self._buffer[length:]
        return json.loads(frame)

    def _more(self) -> None:
        octets = self._socket.recv(1 << 16)
        if not octets:
            raise MarionetteError("connection closed")
        self._buffer += octets
