"""Real mutt and neomutt hand their mail to ``mx-sendmail``, with the gateway running and without."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.world import World
from tests.support.clients import about, wait_until

pytestmark = pytest.mark.interop

TEXT = "A line.\n.\nFrom here on a line that began with a dot is past.\nümlaut\n"


def mutt(client: str, world: World, folder: Path, to: str, subject: str) -> tuple[int, str]:
    """Send without a terminal, as scripts do; return status and what was said."""
    program = Path(sys.executable).with_name("mx-sendmail")
    settings = folder / "muttrc"
    settings.write_text(
        f'set sendmail="{program} --home {world.alice.gateway_dir} -oi"\n'
        f"set from={world.alice.address}\nset use_from\nset use_envelope_from\n"
        "set copy=no\nset record=''\nset charset=utf-8\nset sendmail_wait=0\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [client, "-F", str(settings), "-s", subject, "--", to],
        input=TEXT.encode(),
        capture_output=True,
        check=False,
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def test_what_a_terminal_client_hands_over_arrives_whether_the_gateway_runs_or_not(
    tmp_path: Path,
) -> None:
    with World(tmp_path / "world") as world:
        bob = world.bob
        for client in ("mutt", "neomutt"):
            assert mutt(client, world, tmp_path, bob.address, f"up-{client}") == (0, "")
            wait_until(lambda c=client: len(about(bob.known, f"up-{c}")) == 1, 60)  # type: ignore[misc]
        refused, why = mutt("mutt", world, tmp_path, "nobody@nowhere.example", "refused")
        world.alice.gateway.stop()
        for client in ("mutt", "neomutt"):
            assert mutt(client, world, tmp_path, bob.address, f"down-{client}") == (0, "")
        world.alice.gateway.start()
        for client in ("mutt", "neomutt"):
            wait_until(lambda c=client: len(about(bob.known, f"down-{c}")) == 1, 60)  # type: ignore[misc]

        assert refused != 0
        assert "nowhere.example" in why
        [letter] = about(bob.known, "down-mutt")
        assert b"\r\n.\r\nFrom here on" in letter or b"\r\n=2E\r\nFrom here on" in letter
