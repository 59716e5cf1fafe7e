"""OpenPGP by GnuPG: with the person's own keyring, or with one secret key from a file.

A key from a file is put into a keyring that lasts as long as this; it lies in memory where the
computer has such a place, and the file's passphrase stays on it.  Nothing is asked of a network,
and signatures are not looked at.  docs/spec/decrypting.md §3.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

from typing_extensions import override

from gateway.decrypting.enclosed import Kind
from gateway.decrypting.opener import (
    ALTERED,
    NO_KEY,
    NOT_PROTECTED,
    OCTETS_MAX,
    TOO_LARGE,
    NotOpened,
    Opener,
)
from gateway.decrypting.running import Ran, held, run
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret

_SECONDS: Final = 600.0  # a person may be asked by GnuPG for a card and its PIN
_STATUS: Final = b"[GNUPG:] "
_PREFIX: Final = "mx-key-"  # and the process that made it
_S2K_COUNT: Final = 65_536
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # a directory of its own is made in it


@final
class GnuPG(Opener):
    """Every secret key of a keyring; *home* None: the person's own."""

    kind = Kind.OPENPGP

    def __init__(self, home: Path | None = None, passphrase: Secret[str] | None = None) -> None:
        self._home = home
        self._passphrase = passphrase

    @override
    def open(self, ciphertext: bytes) -> bytes:
        return _judged(self._run(["--skip-verify", "--decrypt"], ciphertext))

    def is_unlocked(self) -> bool:
        """Tell whether the passphrase is that of the keys: what is given out needs it."""
        ran = self._run(["--export-secret-keys"], b"")
        return not ran.ended and bool(ran.output)

    def _run(self, command: Sequence[str], octets: bytes) -> Ran:
        typed = b"" if self._passphrase is None else self._passphrase.reveal().encode() + b"\n"
        with held(b"") as status, held(typed) as passphrase:
            loopback = ["--pinentry-mode", "loopback", "--passphrase-fd", str(passphrase)]
            return run(
                [
                    *_gpg(self._home),
                    *([] if self._passphrase is None else loopback),
                    "--status-fd",
                    str(status),
                    *command,
                ],
                octets,
                octets_max=OCTETS_MAX,
                seconds=_SECONDS,
                passed=(passphrase,),
                status=status,
            )


@final
class KeyFile:
    """A keyring that holds the key of one file, until :meth:`close`."""

    def __init__(self, path: Path, passphrase: Secret[str]) -> None:
        """Raises Refused: It is no secret key, its passphrase is another, or GnuPG is not here."""
        octets = _read(path)
        if not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
            raise Refused(
                f"a key is only put where it stays in memory, and {_IN_MEMORY} can not be used: import"
                " the key into GnuPG yourself and say --gnupg"
            )
        _sweep()
        self._home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_IN_MEMORY))
        self.opener = GnuPG(self._home, passphrase)
        try:
            # in memory a passphrase need not resist for long, and it is needed for each message
            (self._home / "gpg-agent.conf").write_text(f"s2k-count {_S2K_COUNT}\n")
            self._take(path, octets)
        except BaseException:
            self.close()
            raise

    def _take(self, path: Path, octets: bytes) -> None:
        with held(b"") as status:
            command = [*_gpg(self._home), "--status-fd", str(status), "--import"]
            ran = run(command, octets, octets_max=OCTETS_MAX, seconds=_SECONDS, status=status)
        if not _has_secret(ran.status):
            raise Refused(f"{path} holds no secret key of OpenPGP")
        if not self.opener.is_unlocked():
            raise Refused(f"the passphrase of {path} is another one")

    def close(self) -> None:
        """End what holds the key, and remove it."""
        # Crash before this: the directory stays in memory, and the next that is made removes it.
        _remove(self._home)


def _remove(home: Path) -> None:
    command = ["gpgconf", "--homedir", str(home), "--kill", "all"]
    # without gpgconf the agent ends by itself, once its directory is gone
    with contextlib.suppress(FileNotFoundError, subprocess.TimeoutExpired):
        subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS)  # noqa: S603
    shutil.rmtree(home, ignore_errors=True)


def _sweep() -> None:
    """Remove the keyrings of our processes that are gone: they were killed."""
    for home in _IN_MEMORY.glob(f"{_PREFIX}*"):
        number = home.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):  # somebody else's, or another removes it now
            if not number.isdigit() or home.lstat().st_uid != os.getuid():
                continue
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                _remove(home)


def _gpg(home: Path | None) -> list[str]:
    own = [] if home is None else ["--homedir", str(home), "--no-options"]
    return [
        "gpg", "--batch", "--quiet", "--no-tty", *own, "--no-auto-key-retrieve", "--disable-dirmngr",
    ]  # fmt: skip


def _judged(ran: Ran) -> bytes:
    """Return what GnuPG gave, if it says that all of it is as it was encrypted."""
    words = _words(ran.status)
    if ran.output is None:
        raise NotOpened(TOO_LARGE)
    if {b"DECRYPTION_OKAY", b"GOODMDC"} <= words.keys() and not ran.ended:
        return ran.output
    if b"DECRYPTION_INFO" not in words:
        if b"PINENTRY_LAUNCHED" in words:
            raise Refused("GnuPG asked for a passphrase or a card, and was not given it")
        raise NotOpened(NO_KEY)
    # DECRYPTION_INFO <mdc_method> <sym_algo> [<aead_algo>]; neither: RFC 9580 §5.7
    info = words[b"DECRYPTION_INFO"][-1].split()
    if info[:1] == [b"0"] and info[2:3] in ([], [b"0"]):
        raise NotOpened(NOT_PROTECTED)
    raise NotOpened(ALTERED)


def _words(status: bytes) -> dict[bytes, list[bytes]]:
    words: dict[bytes, list[bytes]] = {}
    for line in status.split(b"\n"):
        if line.startswith(_STATUS):
            word, _, rest = line[len(_STATUS) :].partition(b" ")
            words.setdefault(word, []).append(rest)
    return words


def _has_secret(status: bytes) -> bool:
    # IMPORT_OK <reason> …: 16 says that the secret key is among it
    told = _words(status).get(b"IMPORT_OK", ())
    return any(int(rest.split()[0]) & 16 for rest in told if rest[:1].isdigit())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(OCTETS_MAX)
    except OSError as error:
        raise Refused(f"{path} can not be read: {(error.strerror or '').lower()}") from error
