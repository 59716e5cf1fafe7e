import pytest

from gateway.config import Listen
from gateway.loopback.listeners import bind, chosen_ports
from mx_core.model.errors import BadConfiguration


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
