"""The channel's settings; its judgement is proved over real listeners in the federation tests."""

from __future__ import annotations

import pytest

from mx_core.model.errors import Untrusted
from mx_core.tls.channel import OPTIONS, open_channel
from tests.support.certificates import pk_of

pytestmark = pytest.mark.anyio


async def test_messages_are_bounded_and_no_proxy_is_used() -> None:
    options = dict(OPTIONS)

    assert options["grpc.max_receive_message_length"] == 4 * 1024 * 1024
    assert options["grpc.enable_http_proxy"] == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "mx.a.test"])
async def test_a_channel_is_opened_to_names_and_both_families_of_addresses(host: str) -> None:
    channel = open_channel(host, 9, domain="a.test", keys=[pk_of("a.test")], now=1_800_000_000.0)

    await channel.close()


async def test_without_a_good_key_there_is_no_channel() -> None:
    with pytest.raises(Untrusted):
        open_channel("127.0.0.1", 9, domain="a.test", keys=[b"short"], now=1_800_000_000.0)
