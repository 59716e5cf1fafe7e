"""Other devices connect by TLS, with a certificate that was given, or not at all."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from gateway.accounts.accounts import OpenAccounts
from gateway.config import Beyond, Config
from gateway.demo.ports import reserve
from gateway.loopback.beyond import IMAP, SMTP, bound_beyond, context_of
from gateway.loopback.doors import mail_doors
from gateway.loopback.listeners import Ports, bind
from mx_core.model.errors import BadConfiguration
from mx_core.trail_port import nobody
from tests.support.loopback_tls import client_context, loopback_pem

ELSEWHERE = "192.0.2.77"  # of documentation (RFC 5737): no computer has it


@pytest.fixture
def asked(tmp_path: Path) -> Beyond:
    _, leaf, key = loopback_pem()
    (tmp_path / "leaf.pem").write_bytes(leaf)
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "key.pem").chmod(0o600)
    return Beyond(ELSEWHERE, str(tmp_path / "leaf.pem"), str(tmp_path / "key.pem"))


PORTS = Ports(1, 2, 3, 4, 5)


def test_nothing_is_listened_on_unless_an_address_is_named() -> None:
    assert bound_beyond(Beyond(), PORTS) == {}


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.1", "here"]
)  # refused
def test_one_address_of_another_network_is_needed(asked: Beyond, address: str) -> None:
    with pytest.raises(BadConfiguration, match="address"):
        bound_beyond(Beyond(address, asked.certificate, asked.key), PORTS)


def test_without_a_certificate_nothing_listens(asked: Beyond) -> None:
    for missing in (Beyond(ELSEWHERE), Beyond(ELSEWHERE, asked.certificate)):
        with pytest.raises(BadConfiguration, match="needs a certificate"):
            bound_beyond(missing, PORTS)


def test_a_key_that_others_may_read_is_refused(asked: Beyond) -> None:
    Path(asked.key).chmod(0o640)

    with pytest.raises(BadConfiguration, match="chmod 600"):
        context_of(asked)


def test_a_certificate_that_does_not_belong_to_its_key_is_told(asked: Beyond) -> None:
    for certificate, key in ((asked.key, asked.key), ("/none", asked.key), (asked.key, "/none")):
        with pytest.raises(BadConfiguration, match="cannot be used"):
            context_of(Beyond(ELSEWHERE, certificate, key))


def test_an_address_that_is_not_of_this_computer_is_one_sentence(asked: Beyond) -> None:
    with pytest.raises(BadConfiguration, match=r"192\.0\.2\.77 port 3 cannot be used"):
        bound_beyond(asked, PORTS)


def test_only_the_two_ports_with_tls_are_opened(
    asked: Beyond, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.loopback.beyond._check_address", lambda _: None)
    with contextlib.closing(reserve(5)) as block:
        first = block.first
        ports = Ports(first, first + 1, first + 2, first + 3, first + 4)
        made = bound_beyond(Beyond("127.0.0.2", asked.certificate, asked.key), ports)
        heard = {purpose: [sock.getsockname() for sock in group] for purpose, group in made.items()}
        for sock in (each for group in made.values() for each in group):
            sock.close()

    assert heard == {IMAP: [("127.0.0.2", first + 2)], SMTP: [("127.0.0.2", first + 3)]}
    assert context_of(asked).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.anyio
async def test_a_device_meets_the_certificate_that_was_given_and_no_word_without_tls(
    asked: Beyond,
) -> None:
    none: dict[str, list[socket.socket]] = {
        each: [] for each in ("imap", "imap_tls", "smtp", "smtp_tls")
    }
    listeners = none | {IMAP: bind(0, "IMAP"), SMTP: bind(0, "SMTP")}
    stopping, own = asyncio.Event(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    doors = mail_doors(
        *(listeners, own, OpenAccounts(), Config(beyond=asked), stopping),
        nobody,
    )
    serving = [asyncio.ensure_future(door) for door in doors]
    heard = {}
    for purpose in (IMAP, SMTP):
        host, port = listeners[purpose][0].getsockname()[:2]
        reader, writer = await asyncio.open_connection(
            host, port, ssl=client_context(), server_hostname="localhost"
        )
        heard[purpose] = (await reader.readline())[:4]
        writer.close()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"a NOOP\r\n")
        heard[f"{purpose} without"] = await reader.read()
        writer.close()
    stopping.set()
    await asyncio.wait(serving)

    assert (heard[IMAP], heard[SMTP]) == (b"* OK", b"220 ")
    assert not any(b"OK" in heard[f"{purpose} without"] for purpose in (IMAP, SMTP))
