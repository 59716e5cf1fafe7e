"""Diagnosis: write every decrypted message of every listener into a folder, mode 0600.

What a home server can see is exactly this.  Off unless an operator asks with ``--record-rpc``;
file names are ``<number>-<Method>-<in|out>.pb``, their octets the protobuf message.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from typing_extensions import override

from mx_core.homeserver.doors.around import Around


class Recorder(Around):
    """Stands around every method of a server; one folder may serve several."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = itertools.count(1)

    @override
    def _single(self, behaviour: Any, method: str) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            reply = await behaviour(self._heard(request, method), context)
            self._write(reply, method, "out")
            return reply

        return answer

    @override
    def _stream(self, behaviour: Any, method: str) -> Any:
        async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
            async for reply in behaviour(self._heard(request, method), context):
                self._write(reply, method, "out")
                yield reply

        return answer

    def _heard(self, request: Any, method: str) -> Any:
        if isinstance(request, Message):
            self._write(request, method, "in")
            return request
        return self._heard_each(request, method)

    async def _heard_each(self, requests: AsyncIterable[Any], method: str) -> AsyncIterator[Any]:
        async for request in requests:
            self._write(request, method, "in")
            yield request

    def _write(self, message: Message, method: str, way: str) -> None:
        path = self._folder / f"{next(self._numbers):06}-{method}-{way}-{os.getpid()}.pb"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.SerializeToString())
