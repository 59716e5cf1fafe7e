"""Killed after a provider renewed a token and before the new one was kept: the person is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from gateway.legacy.oauth.grants import AskedGrant, Grants
from mx_core.model.errors import Refused
from tests.support.authorization_server import authorization_server
from tests.support.stores import Clock, open_store

async def main():
    store = open_store(Path(sys.argv[1]), Clock())
    async with authorization_server() as server:
        server.rotates = sys.argv[3] == "rotates"
        if sys.argv[2] == "first":
            made = Grants(store.settings, {"isp": server.table}, Clock())
            told = await made.begin(AskedGrant("alice", "isp"))
            await server.browse(told["url"])
            assert await made.wait(told["id"])
        elif not server.rotates:
            server.good |= set(sys.argv[4:])
        # the provider of the second run stands at another port: what is kept names the first
        kept = Grants(store.settings, {}, Clock())
        (grant,) = await kept._all()
        grant = type(grant)(grant.user, type(grant.provider)("isp", server.table.token_url),
                            grant.client_id, grant.client_secret, grant.refresh_token)
        await kept._put({"alice": grant})
        print("said", grant.refresh_token, flush=True)
        try:
            print("said", (await kept.token("alice")).reveal(), flush=True)
        except Refused as error:
            print("said", error, flush=True)
    store.close()

asyncio.run(main())
"""


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line[5:] for line in done.stdout.splitlines() if line.startswith("said ")]


def run(*arguments: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env={**os.environ, "MX_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.crash
@pytest.mark.parametrize("how", ["rotates", "keeps"])
def test_a_token_that_was_renewed_and_not_kept_is_asked_for_again_or_told(
    tmp_path: Path, how: str
) -> None:
    killed = run(str(tmp_path / "account"), "first", how, failpoint="token_renewed")
    (kept,) = said(killed)
    again = run(str(tmp_path / "account"), "again", how, kept)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert again.returncode == 0, again.stderr
    first, told = said(again)
    assert first == kept
    if how == "rotates":
        assert "mx-gateway oauth grant" in told
    else:
        assert told.startswith("access-canary")
