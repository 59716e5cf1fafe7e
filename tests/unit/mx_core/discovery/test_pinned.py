"""The transport itself."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import httpx
import pytest

from mx_core.discovery.pinned import PinnedTransport
from mx_core.model.errors import PeerUnreachable, Untrusted

pytestmark = pytest.mark.anyio


async def nowhere(_: str) -> Sequence[str]:
    return []


async def get(url: str) -> None:
    transport = PinnedTransport(
        nowhere, ssl.create_default_context(), port=443, allow_private=False
    )
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        await client.get(url)


@pytest.mark.parametrize(
    "url", ["http://a.test/", "http://a.test:443/", "https://a.test:8443/", "https://a.test:22/"]
)
async def test_only_https_on_the_one_port_is_fetched(url: str) -> None:
    with pytest.raises(Untrusted) as refused:
        await get(url)

    assert refused.value.failure == "ssrf"


@pytest.mark.parametrize("url", ["https://a.test/", "https://127.0.0.1/", "https://[::1]:443/"])
async def test_a_literal_address_is_a_name_like_any_other_and_has_none(url: str) -> None:
    with pytest.raises(PeerUnreachable):
        await get(url)
