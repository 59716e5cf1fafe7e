"""GnuPG opens what it and others encrypted; what is altered or not protected is never taken."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.decrypting import opener
from gateway.decrypting.enclosed import Kind
from gateway.decrypting.gnupg import KeyFile
from gateway.decrypting.opener import (
    ALTERED,
    NO_KEY,
    NOT_PROTECTED,
    TOO_DEEP,
    TOO_LARGE,
    NotOpened,
    open_all,
)
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from tests.support.encrypted_mail import ENTITY, GnuPG, gnupg, key_file, pgp_mime

OLD_KEY = b"""\
-----BEGIN PGP PRIVATE KEY BLOCK-----

lFgEawzTWhYJKwYBBAHaRw8BAQdAWQ3k3zxv4z8bHRK1S0FaIvSQQUFfHz6N0mng
xqdD75EAAP9YcYxbccnt2MLGL5YV/qFPOZtOHZTz4X9MXKQGh8BlpBHGtBBDdiA8
Y0B4LmV4YW1wbGU+iJYEExYIAD4WIQQOrh4XJl6niMQ5wpTnoO65yYIfHwUCawzT
WgIbAwUJAeEzgAULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRDnoO65yYIfH9pK
AP46X1+xtLm7yvH/A4nAAAupTGEAFXA8WsYY4QNJsBf/ewD/QeNi5eRFzaOiStf7
rtyDypWrTddodzZU6Sz7zRy87QOcXQRrDNNaEgorBgEEAZdVAQUBAQdAwszZZk6D
Osbee7iKcQ9seBrK3z6At1GhCHeB+BfMZXcDAQgHAAD/UEA07Ihqx21Uw1hkBTxG
djb3x7TARWN44AGB0LR21wgQaIh4BBgWCAAgFiEEDq4eFyZep4jEOcKU56DuucmC
Hx8FAmsM01oCGwwACgkQ56DuucmCHx9GBAEAtsovm+zU0a5BQ3JMgaYBLPm3y02W
3aFb+Rv0JhjN/KoBAKIUhg5AOxnMLRZF4dL89XAvMp0M6Niu+kVjjd9Qv/AC
=DX0N
-----END PGP PRIVATE KEY BLOCK-----
"""
UNPROTECTED = b"""\
-----BEGIN PGP MESSAGE-----

hF4DBvi6RgqGk/sSAQdAK1cSZV9hJrqbQCogCAEkYNsjkg7Ie2+XTpus7N7CrCIw
M6kaq4mg+m0pATTo2RkVuJQmxIeyT0XW3O7MO6tZYuLVVznACtxykh+p1IGQlTVF
yUkByP/VOs87fE6q8bTiiZKpeJ59b49B1aEoOmKbsP2pnrufLlCTjNNqVFQqVLMV
aX62jPlY0bsBt457oMB8Tf7CEzTvkdqnR3Zm
=Dsb1
-----END PGP MESSAGE-----
"""


@pytest.fixture
def ring() -> Iterator[GnuPG]:
    with gnupg() as made:
        yield made


@pytest.fixture
def key(ring: GnuPG, tmp_path: Path) -> Iterator[KeyFile]:
    file = KeyFile(key_file(tmp_path, ring.made("bob@b.example")), Secret(""))
    yield file
    file.close()


def why(key: KeyFile, octets: bytes) -> str:
    with pytest.raises(NotOpened) as refused:
        key.opener.open(octets)
    return str(refused.value)


def test_what_is_encrypted_to_the_key_is_opened(ring: GnuPG, key: KeyFile) -> None:
    assert key.opener.open(ring.encrypted("bob@b.example", ENTITY)) == ENTITY


def test_a_signature_by_a_key_that_nobody_knows_does_not_matter(ring: GnuPG, key: KeyFile) -> None:
    ring.made("alice@a.example")
    signed = ring.encrypted("bob@b.example", ENTITY, "--sign", "-u", "alice@a.example")

    assert key.opener.open(signed) == ENTITY


def test_an_old_key_that_has_expired_still_opens_its_mail(ring: GnuPG, tmp_path: Path) -> None:
    then = ["--faked-system-time", "20150101T000000"]
    octets = ring.made("old@b.example", "future-default", "", "2d", then)
    old = ring.encrypted("old@b.example", ENTITY, *then, "--cipher-algo", "CAST5", "--force-mdc")
    file = KeyFile(key_file(tmp_path, octets), Secret(""))
    try:
        assert file.opener.open(old) == ENTITY
    finally:
        file.close()


def test_a_passphrase_is_asked_for_once_and_has_to_be_the_right_one(
    ring: GnuPG, tmp_path: Path
) -> None:
    path = key_file(tmp_path, ring.made("carol@b.example", passphrase="right one"))
    with pytest.raises(Refused, match=r"passphrase of .* is another one"):
        KeyFile(path, Secret("wrong"))
    file = KeyFile(path, Secret("right one"))
    try:
        assert file.opener.open(ring.encrypted("carol@b.example", ENTITY)) == ENTITY
    finally:
        file.close()


def test_what_is_no_secret_key_is_refused(ring: GnuPG, tmp_path: Path) -> None:
    ring.made("bob@b.example")
    for octets in (b"hello", ring.run("--armor", "--export", "bob@b.example")):
        with pytest.raises(Refused, match="holds no secret key"):
            KeyFile(key_file(tmp_path, octets), Secret(""))
    with pytest.raises(Refused, match="can not be read"):
        KeyFile(tmp_path / "nowhere", Secret(""))


def test_nothing_of_the_key_is_left_behind(ring: GnuPG, tmp_path: Path) -> None:
    file = KeyFile(key_file(tmp_path, ring.made("bob@b.example")), Secret(""))
    home = file._home
    assert (home.stat().st_mode & 0o777, (home / "private-keys-v1.d").is_dir()) == (0o700, True)
    file.close()

    assert not home.exists()


def test_another_key_does_not_open_it(ring: GnuPG, key: KeyFile) -> None:
    ring.made("alice@a.example")

    assert why(key, ring.encrypted("alice@a.example", ENTITY)) == NO_KEY
    assert why(key, b"hello") == NO_KEY
    # what is not encrypted is not opened either, though GnuPG would print it
    assert why(key, ring.run("--armor", "--store", given=ENTITY)) == NO_KEY


def test_what_nothing_protects_is_not_taken(tmp_path: Path) -> None:
    """A packet of tag 9, which newer programs do not write any more; GnuPG would print what is in it."""
    old = KeyFile(key_file(tmp_path, OLD_KEY), Secret(""))
    try:
        assert why(old, UNPROTECTED) == NOT_PROTECTED
    finally:
        old.close()


def test_altered_or_cut_anywhere_it_is_not_taken(ring: GnuPG, key: KeyFile) -> None:
    whole = ring.run("--dearmor", given=ring.encrypted("bob@b.example", ENTITY * 20))
    for at in range(len(whole) - 100, len(whole), 9):
        altered = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert why(key, altered) in {ALTERED, NOT_PROTECTED}
    for end in range(len(whole) - 60, len(whole), 7):
        assert why(key, whole[:end]) in {ALTERED, NOT_PROTECTED}


def test_a_bomb_is_not_taken(ring: GnuPG, key: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = ring.encrypted("bob@b.example", ENTITY + bytes(8_000_000), "--compress-level", "9")
    assert len(bomb) < 100_000
    monkeypatch.setattr("gateway.decrypting.gnupg.OCTETS_MAX", 1_000_000)

    assert why(key, bomb) == TOO_LARGE


def test_layers_are_opened_in_turn_and_not_for_ever(ring: GnuPG, key: KeyFile) -> None:
    inside = ENTITY
    for _ in range(3):
        sealed = ring.encrypted("bob@b.example", inside)
        inside = pgp_mime(sealed, header=b"")
    assert open_all(Kind.OPENPGP, sealed, [key.opener]) == ENTITY
    again = ring.encrypted("bob@b.example", inside)

    with pytest.raises(NotOpened, match=TOO_DEEP):
        open_all(Kind.OPENPGP, again, [key.opener])


def test_no_key_opens_what_nobody_has_a_key_for() -> None:
    with pytest.raises(NotOpened, match=opener.NO_KEY):
        open_all(Kind.SMIME, b"", [])


def test_without_gnupg_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = key_file(tmp_path, b"hello")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Refused, match="apt-get install gnupg"):
        KeyFile(path, Secret(""))


def test_an_agent_does_not_outlive_its_key(ring: GnuPG, tmp_path: Path) -> None:
    file = KeyFile(key_file(tmp_path, ring.made("bob@b.example")), Secret(""))
    file.opener.open(ring.encrypted("bob@b.example", ENTITY))
    home = str(file._home)
    assert home in processes()
    file.close()

    ends = time.monotonic() + 60
    while home in processes() and time.monotonic() < ends:  # it was told to, and may take a moment
        time.sleep(0.05)
    assert home not in processes()


def processes() -> str:
    told = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            told.append(path.read_bytes())
    return b"\n".join(told).decode(errors="replace")


_HOLDS = """
import signal, sys, time
from pathlib import Path
from gateway.cli.decrypt import Keys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below what runs in the background
with Keys(openpgp=(sys.argv[1],), passphrases=sys.argv[2]).opened() as [opener]:
    print(opener._home, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_key_for_long(
    ring: GnuPG, tmp_path: Path, how: signal.Signals
) -> None:
    path, typed = key_file(tmp_path, ring.made("bob@b.example")), tmp_path / "typed"
    typed.write_text("\n")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(path), str(typed)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            home = Path(process.stdout.readline().decode().strip())
            assert (home / "private-keys-v1.d").is_dir()
            # one that runs keeps its own, whoever else makes one
            KeyFile(path, Secret("")).close()
            assert home.is_dir()
            process.send_signal(how)
            process.wait(60)
        finally:
            process.kill()
    assert how is signal.SIGKILL or not home.exists()
    KeyFile(path, Secret("")).close()

    assert not home.exists()
