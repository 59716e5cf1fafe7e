"""What peers say of the time stays good when the own clock is set right."""

from __future__ import annotations

from mx_core.homeserver.queue.peer_times import PeersSay, PeerTimes
from mx_core.model.errors import PeerUnreachable, Untrusted
from tests.support.stores import Clock

EXPIRED = Untrusted("leaf-expired", "a certificate that is expired or not yet valid")


def test_most_of_the_peers_say_how_far_the_clock_is_ahead() -> None:
    clock, steady = Clock(10_000.0), Clock(50.0)
    times = PeerTimes(clock, steady)
    assert times.told() == PeersSay(0, 0.0, 0)
    for peer, at in (("a.example", 6_400.0), ("b.example", 6_399.0), ("wrong.example", 1.0)):
        times.heard(peer, at)

    assert times.told() == PeersSay(3, 3_601.0, 0)

    clock.at, steady.at = clock.at + 10.0, steady.at + 10.0
    assert times.told().ahead == 3_601.0
    clock.at -= 3_601.0  # an operator sets it
    assert times.told().ahead == 0.0


def test_what_looks_expired_is_counted_until_it_works() -> None:
    times = PeerTimes(Clock(), Clock())
    times.failed("a.example", EXPIRED)
    times.failed("b.example", Untrusted("document-expired", "old"))
    times.failed("c.example", Untrusted("leaf-key", "another"))
    times.failed("d.example", PeerUnreachable("silence"))
    assert times.told() == PeersSay(0, 0.0, 2)

    times.works("a.example")
    times.heard("b.example", 1.0)
    times.works("b.example")

    assert times.told().expired == 0
    assert times.told().peers == 1


def test_it_remembers_no_more_than_some() -> None:
    times = PeerTimes(Clock(), Clock())
    for number in range(1_000):
        times.heard(f"{number}.example", 1.0)

    assert times.told().peers == 64
