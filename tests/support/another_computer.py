"""A computer of its own with a gateway on it, its list of certificates, and another computer beside it.

``python -m tests.support.another_computer FOLDER`` inside ``unshare --net --mount``: namespaces are the computers,
a cable is between them.  Prints one JSON document: what its programs and the other computer have seen.
"""

from __future__ import annotations

import contextlib
import imaplib
import json
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.demo.world import Side, World
from tests.support.certificates import web_certificate
from tests.support.clients import about, wait_until

_MODULE: Final = "tests.support.another_computer"
_NAME: Final = "home.example"
_HERE, _THERE = "10.9.0.1", "10.9.0.2"
_CERTIFICATES = Path("/etc/ssl/certs")
_ANCHORS = Path("/usr/local/share/ca-certificates")
_SECONDS = 20.0


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


# ── the computer's own list of certificates ──────────────────────────────────────────
def _own_list(folder: Path) -> None:
    """Put copies in place of the directories that an administrator's command changes."""
    for place, copied in ((_CERTIFICATES, folder / "certificates"), (_ANCHORS, folder / "anchors")):
        shutil.copytree(place, copied, symlinks=True)
        _run("mount", "--bind", str(copied), str(place))


def _typed(line: str) -> None:
    """Type a line as an administrator does, who needs no sudo here."""
    _run("sh", "-c", f'sudo() {{ "$@"; }}\n{line}')


def _believes(side: Side) -> bool:
    """Tell whether a program that knows nothing but this computer's list takes the gateway for itself."""
    script = (
        "import imaplib, ssl, sys\n"
        "context = ssl.create_default_context(cafile='/etc/ssl/certs/ca-certificates.crt')\n"
        "try: imaplib.IMAP4_SSL('localhost', int(sys.argv[1]), ssl_context=context).logout()\n"
        "except ssl.SSLCertVerificationError: sys.exit(3)\n"
    )
    words = [sys.executable, "-c", script, str(side.known.imap_tls)]
    ended = subprocess.run(words, check=False, timeout=_SECONDS).returncode
    assert ended in {0, 3}
    return not ended


def _trust(side: Side) -> dict[str, Any]:
    """Type what ``mx-gateway trust`` says, then what takes it back; return what was seen each time."""
    asked = (sys.executable, "-m", "gateway", "--home", str(side.gateway_dir), "trust", "--json")
    seen = []
    for typed in ("", "add", "take"):
        if typed:
            _typed(json.loads(_run(*asked))[typed])
        seen.append([json.loads(_run(*asked))["trusted"], _believes(side)])
    return {"before": seen[0], "added": seen[1], "taken": seen[2]}


# ── another computer ─────────────────────────────────────────────────────────────────
@contextlib.contextmanager
def _other_computer(folder: Path) -> Iterator[tuple[str, ...]]:
    """Give the words that begin a program on a computer at the other end of a cable."""
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{_HERE} {_NAME}\n", encoding="utf-8")
    words = ["unshare", "--net", "--mount", "sh", "-c", "echo up; exec cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as there:
        assert there.stdin is not None
        assert there.stdout is not None
        try:
            assert there.stdout.readline() == "up\n"
            enter = ("nsenter", "--net", "--mount", "--target", str(there.pid))
            _run("ip", "link", "add", "name", "here", "type", "veth", "peer", "name", "there")
            _run("ip", "link", "set", "there", "netns", str(there.pid))
            _run("ip", "address", "add", f"{_HERE}/24", "dev", "here")
            _run("ip", "link", "set", "here", "up")
            _run(*enter, "ip", "address", "add", f"{_THERE}/24", "dev", "there")
            _run(*enter, "ip", "link", "set", "there", "up")
            _run(*enter, "mount", "--bind", str(hosts), "/etc/hosts")
            yield enter
        finally:
            there.stdin.close()


def _open_beyond(side: Side, folder: Path) -> Path:
    """Let *side*'s gateway listen at this end of the cable; return the authority to trust."""
    authority, certificate, key = web_certificate([_NAME])
    written = {"authority": authority, "certificate": certificate, "key": key}
    for name, octets in written.items():
        (folder / f"{name}.pem").write_bytes(octets)
    (folder / "key.pem").chmod(0o600)
    config = side.gateway_dir / "config" / "config.toml"
    side.gateway.stop()
    with config.open("a", encoding="utf-8") as written_on:
        written_on.write(
            f'\n[beyond]\naddress = "{_HERE}"\n'
            f'certificate = "{folder / "certificate.pem"}"\nkey = "{folder / "key.pem"}"\n'
        )
    side.gateway.start()
    return folder / "authority.pem"


def _beyond(world: World, folder: Path) -> dict[str, Any]:
    """Use alice's mail from the other computer."""
    alice, bob = world.alice, world.bob
    with _other_computer(folder) as enter:
        authority = _open_beyond(alice, folder)
        gateway = (sys.executable, "-m", "gateway", "--home", str(alice.gateway_dir))
        known = alice.known
        asked = {
            "password": _run(*gateway, "password", "add", alice.address, "phone").strip(),
            "authority": str(authority),
            "from": alice.address,
            "to": bob.address,
            "imap": known.imap_tls,
            "smtp": known.smtp_tls,
            "shut": [known.imap, known.smtp, urlsplit(_run(*gateway, "page")).port],
        }
        seen = json.loads(_run(*enter, sys.executable, "-m", _MODULE, json.dumps(asked)))
        wait_until(lambda: bool(about(bob.known, "from my phone")))
    return {**seen, "arrived": len(about(bob.known, "from my phone"))}


def _phone(asked: dict[str, Any]) -> dict[str, Any]:
    """Be the other computer: read and write mail there, and try all other ports."""
    trusting = ssl.create_default_context(cafile=asked["authority"])
    user = (asked["from"], asked["password"])
    with imaplib.IMAP4_SSL(_NAME, asked["imap"], ssl_context=trusting) as reader:
        reader.login(*user)
        selected = reader.select("INBOX")[0]
    text = f"From: {asked['from']}\r\nTo: {asked['to']}\r\nSubject: from my phone\r\n\r\nx\r\n"
    with smtplib.SMTP_SSL(_NAME, asked["smtp"], context=trusting) as writer:
        writer.login(*user)
        refused = writer.sendmail(asked["from"], [asked["to"]], text)
    try:
        imaplib.IMAP4_SSL(_NAME, asked["imap"], ssl_context=ssl.create_default_context())
        stranger = "believed"
    except ssl.SSLCertVerificationError:
        stranger = "refused"
    heard = [port for port in asked["shut"] if _answers(port)]
    return {"selected": selected, "refused": refused, "unknown authority": stranger, "heard": heard}


def _answers(port: int) -> bool:
    try:
        socket.create_connection((_NAME, port), timeout=_SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True


def main() -> None:
    """Play both stories in the folder that is named, or be the other computer."""
    (asked,) = sys.argv[1:]
    if asked.startswith("{"):
        print(json.dumps(_phone(json.loads(asked))))
        return
    folder = Path(asked)
    _run("ip", "link", "set", "lo", "up")
    _own_list(folder)
    with World(folder / "world") as world:
        print(json.dumps({"trust": _trust(world.alice), "beyond": _beyond(world, folder)}))


if __name__ == "__main__":
    main()
