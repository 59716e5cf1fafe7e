"""A letter handed over while the gateway is stopped, and a kill while it is taken in: once at bob."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.world import World
from tests.support.clients import about, messages, status, wait_until

pytestmark = pytest.mark.crash


def hand_over(world: World, subject: str) -> int:
    """Call ``mx-sendmail`` as mutt does; return its status."""
    script = Path(sys.executable).with_name("mx-gateway")
    text = f"From: {world.alice.address}\nTo: {world.bob.address}\nSubject: {subject}\n\nsealed\n"
    return subprocess.run(
        [script, "--home", world.alice.gateway_dir, "sendmail", "-oi", world.bob.address],
        input=text.encode(),
        check=False,
    ).returncode


@pytest.mark.parametrize("step", ["accepted", "committed", "shown"])
def test_a_letter_that_was_spooled_is_delivered_once_whenever_the_gateway_is_killed(
    tmp_path: Path, step: str
) -> None:
    with World(tmp_path) as world:
        gateway = world.alice.gateway
        # so that bob's keys are known: a stranger's letter would wait for the next minute
        assert hand_over(world, "while-it-runs") == 0
        wait_until(lambda: len(messages(world.bob.known)) == 1)
        gateway.stop()
        assert hand_over(world, "while-it-is-stopped") == 0
        spool = world.alice.gateway_dir / "data" / "spool"
        waiting = list(spool.glob("?" * 20))
        assert len(waiting) == 1
        assert b"sealed" not in waiting[0].read_bytes()

        gateway.environment = {"MX_FAILPOINT": step}
        gateway.launch()  # it is killed before or after it is ready
        killed = gateway.wait(50)
        gateway.environment = {}
        gateway.start()
        wait_until(lambda: bool(about(world.bob.known, "while-it-is-stopped")))
        wait_until(lambda: not list(spool.glob("?" * 20)))
        wait_until(lambda: not status(world.alice)["outbox"])
        # a second copy would have left before this one
        assert hand_over(world, "after-all") == 0
        wait_until(lambda: bool(about(world.bob.known, "after-all")))

        assert killed == -9
        assert len(about(world.bob.known, "while-it-is-stopped")) == 1
