"""The keys that a person gives, for one block: opened with their passphrases, and gone however it ends."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from gateway.decrypting.gnupg import GnuPG, KeyFile
from gateway.decrypting.opener import Opener
from gateway.decrypting.openssl import OpenSSL
from mx_core.model.secret import Secret

_SIGNALLED: Final = 128  # and the number of the signal, as a shell says it


@contextlib.contextmanager
def opened(
    *, gnupg: bool, openpgp: Mapping[str, Secret[str]], smime: Mapping[str, Secret[str]]
) -> Iterator[list[Opener]]:
    """Give what opens mail: the person's own GnuPG, and files of keys by their passphrases.

    Raises:
        Refused: A file is no key, a passphrase is another one, or a program is missing.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_closed_by_signals())
        openers: list[Opener] = [GnuPG()] if gnupg else []
        for path, passphrase in openpgp.items():
            file = KeyFile(Path(path), passphrase)
            stack.callback(file.close)
            openers.append(file.opener)
        openers += [OpenSSL(Path(path), passphrase) for path, passphrase in smime.items()]
        yield openers


@contextlib.contextmanager
def _closed_by_signals() -> Iterator[None]:
    """Let SIGTERM, and a terminal that is closed, end the block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(_SIGNALLED + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
