"""A gateway killed when it has noted what postage it owes: paid at its next start, delivered once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mx_core.proto.federation_pb2 import ACCEPTED, POSTAGE
from tests.support.clients import about, wait_until, write
from tests.support.worlds import TestedWorld, brought


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedWorld]:
    with TestedWorld(
        tmp_path_factory.mktemp("postage"),
        rates="user_burst = 60",
        acquainted=False,
        recorded=True,
    ) as made:
        yield made


def test_what_was_asked_postage_for_is_paid_after_the_kill_and_arrives_once(
    world: TestedWorld,
) -> None:
    alice, bob = world.alice, world.bob
    alice.gateway.stop()
    alice.gateway.environment = {"MX_FAILPOINT": "franked"}
    alice.gateway.start()
    try:
        write(alice.known, bob.address, "hello-bob")
        status = alice.gateway.wait(60)
    finally:
        alice.gateway.stop()
        alice.gateway.environment = {}
        alice.gateway.start()
    wait_until(lambda: bool(about(bob.known, "hello-bob", "Requests")), 60)
    wait_until(lambda: not world.status(alice)["accounts"][0]["outbox"], 60)
    items = brought(world, bob)

    assert status == -9, "the step was not reached"
    assert len(about(bob.known, "hello-bob", "Requests")) == 1
    assert [answer for _, answer in items] == [POSTAGE, ACCEPTED]
    assert len({item.envelope for item, _ in items}) == 1, "sealed once"
