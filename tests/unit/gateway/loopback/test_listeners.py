import re
import socket
from pathlib import Path

import pytest
from msgspec.structs import fields

from gateway.config import Listen
from gateway.demo.ports import reserve
from gateway.loopback.listeners import Ports, bind, bound, chosen_ports
from mx_core.model.errors import BadConfiguration
from mx_core.program.activation import Passed


def test_a_port_base_gives_five_ports_in_a_row() -> None:
    ports = chosen_ports(Listen(port_base=2000))

    assert (ports.imap, ports.smtp, ports.imap_tls, ports.smtp_tls) == (2000, 2001, 2002, 2003)
    assert ports.page == 2004


def test_a_taken_port_is_one_sentence_and_is_never_moved() -> None:
    first = bind(0, "IMAP")
    port = first[0].getsockname()[1]
    try:
        with pytest.raises(BadConfiguration, match=rf"port {port} \(IMAP\).*--port-base"):
            bind(port, "IMAP")
    finally:
        for listener in first:
            listener.close()


def test_only_loopback_is_listened_on() -> None:
    listeners = bind(0, "IMAP")
    hosts = {listener.getsockname()[0] for listener in listeners}
    for listener in listeners:
        listener.close()

    assert hosts <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in hosts


@pytest.mark.parametrize(
    "listen",
    [Listen(port_base=65_533), Listen(port_base=-1), Listen(imap=0), Listen(imap=1025)],
)
def test_a_number_that_is_no_port_or_stands_twice_is_named(listen: Listen) -> None:
    with pytest.raises(BadConfiguration, match="different numbers from 1 to 65535"):
        chosen_ports(listen)


def _ports(free: int) -> Ports:
    return Ports(free, free + 1, free + 2, free + 3, free + 4)


def test_what_was_passed_is_used_and_the_rest_is_bound_here() -> None:
    block = reserve(5, 0)
    ports = _ports(block.first)
    block.close()
    mine = socket.create_server(("127.0.0.1", ports.imap))
    listeners = bound(ports, Passed([mine]))
    try:
        assert listeners["imap"] == [mine]
        assert {s.getsockname()[1] for s in listeners["smtp"]} == {ports.smtp}
    finally:
        for one in (s for group in listeners.values() for s in group):
            one.close()


def test_a_passed_socket_that_others_can_reach_is_refused() -> None:
    block = reserve(5, 0)
    ports = _ports(block.first)
    block.close()
    wide = socket.create_server(("", ports.imap))

    with pytest.raises(BadConfiguration, match="where others can connect"):
        bound(ports, Passed([wide]))
    assert wide.fileno() == -1


def test_a_passed_socket_that_no_setting_asks_for_is_refused() -> None:
    block = reserve(6, 0)
    ports, other = _ports(block.first), block.first + 5
    block.close()
    stray = socket.create_server(("127.0.0.1", other))

    with pytest.raises(BadConfiguration, match=rf"127\.0\.0\.1:{other}, and no setting does"):
        bound(ports, Passed([stray]))


def test_the_socket_unit_listens_where_the_settings_say() -> None:
    unit = Path(__file__).resolve().parents[4] / "systemd" / "mx-gateway.socket"
    ports = chosen_ports(Listen())
    numbers = sorted(getattr(ports, each.name) for each in fields(ports))
    found = re.findall(r"^ListenStream=(.*):(\d+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(int(port) for host, port in found if host == "127.0.0.1") == numbers
    assert sorted(int(port) for host, port in found if host == "[::1]") == numbers
    assert len(found) == 2 * len(numbers)
