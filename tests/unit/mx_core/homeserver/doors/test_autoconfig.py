"""What Thunderbird is told when it asks a domain, and that a gateway really listens there."""

import xml.etree.ElementTree as ET

import httpx
import pytest
from starlette.applications import Starlette

from gateway.config import Listen
from mx_core.homeserver.doors.autoconfig import PATHS, autoconfig_routes

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", PATHS)
async def test_thunderbird_is_told_the_ports_of_a_gateway_as_it_comes(path: str) -> None:
    app = Starlette(routes=autoconfig_routes("a.example"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as client:
        answer = await client.get(path, params={"emailaddress": "alice@a.example"})
    document = ET.fromstring(answer.text)  # our own

    assert answer.headers["content-type"].startswith("text/xml")
    assert document.findtext(".//domain") == "a.example"
    assert document.findtext(".//incomingServer/port") == str(Listen().imap_tls)
    assert document.findtext(".//outgoingServer/port") == str(Listen().smtp_tls)
    assert document.findtext(".//username") == "%EMAILADDRESS%"
