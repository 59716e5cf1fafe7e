"""A person brings encrypted mail and gives their keys: it is read, and neither is anywhere in clear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.world import World
from tests.support import old_mail
from tests.support.canary import files_holding
from tests.support.encrypted_mail import (
    ENTITY,
    enveloped,
    gnupg,
    key_file,
    pgp_mime,
    smime,
    smime_key,
)
from tests.support.gateways import gateway
from tests.support.old_mail import letter

pytestmark = pytest.mark.fleet
PASSPHRASE = "kumquat correct horse battery"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "world", cast=(("alice", "a.example"),), log_level="debug") as made:
        yield made


def test_an_import_with_keys_and_later_keys(world: World, tmp_path: Path) -> None:
    certificate, p12 = smime_key(tmp_path, passphrase=PASSPHRASE.encode())
    with gnupg() as ring:
        key = key_file(tmp_path, ring.made("bob@b.example", passphrase=PASSPHRASE))
        sealed = pgp_mime(ring.encrypted("bob@b.example", ENTITY))
    source = old_mail.mbox(tmp_path / "Old", [letter(1), sealed, smime(enveloped(certificate))])
    typed = tmp_path / "typed"
    typed.write_text(f"{PASSPHRASE}\n")
    home, account = world.alice.gateway_dir, ["--account", world.alice.address]

    keys = ["--openpgp-key", str(key), "--passphrase-file", str(typed)]
    brought = gateway(home, "import", *account, str(source), *keys)
    more = ["--smime-key", str(p12), "--passphrase-file", str(typed), "--json"]
    opened = json.loads(gateway(home, "decrypt", *account, *more))
    gateway(home, "export", *account, "--original", "--format", "eml", str(tmp_path / "out"))

    assert "all here: 3 messages" in brought
    assert "decrypted 1 of 2 messages" in brought
    assert opened == {"openpgp": 0, "smime": 1, "decrypted": 1, "left": {}}
    texts = [path.read_bytes() for path in (tmp_path / "out" / "Old").glob("*.eml")]
    inside = ENTITY.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")
    assert sum(text.endswith(b"\n\n" + inside) for text in texts) == 2
    kept = (tmp_path / "out" / "Encrypted originals" / "Old").glob("*.eml")
    assert sealed.replace(b"\r\n", b"\n") in [path.read_bytes() for path in kept]
    secrets = [PASSPHRASE.encode(), inside.strip(), key.read_bytes().splitlines()[3]]
    assert files_holding(secrets, [tmp_path / "out", typed, key]) != {}  # the control
    assert files_holding(secrets, [world.directory / "alice"]) == {}
    assert files_holding(secrets, list(world.directory.glob("*.log"))) == {}
