"""The stapled document."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mx_core.discovery.document import verify_document
from mx_core.discovery.server_info import fetch_document
from mx_core.model.errors import PeerUnreachable
from tests.support.certificates import pk_of
from tests.support.peer_server import peer_servers

pytestmark = pytest.mark.anyio


async def test_the_stapled_document_is_fetched_under_the_anchor_of_the_key(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        signed = await fetch_document("b.test", b.hello, [pk_of("b.test")], time.time())

    document = verify_document(signed, domain="b.test", keys=[pk_of("b.test")], now=time.time())
    assert document.federation == b.federation


@pytest.mark.parametrize(("domain", "key"), [("b.test", "evil.test"), ("c.test", "b.test")])
async def test_a_server_under_another_key_or_name_is_not_even_spoken_to(
    tmp_path: Path, domain: str, key: str
) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        with pytest.raises(PeerUnreachable):
            await fetch_document(domain, b.hello, [pk_of(key)], time.time())
