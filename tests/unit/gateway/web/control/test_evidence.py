"""What was found is listed, and one bundle is given as it is."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.web.control.people.evidence import evidence_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from mx_core.store.people.evidence import KeptEvidence
from mx_core.store.people.incident import Incident
from tests.support.stores import START, open_store

pytestmark = pytest.mark.anyio

LETTER = b"Subject: x\r\n\r\nhello\r\n"


async def test_the_newest_comes_first_and_one_contradiction_is_kept_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    whose: Any = SimpleNamespace(store=store)
    app = Starlette(
        routes=evidence_routes(lambda _: whose), exception_handlers=dict(EXCEPTION_HANDLERS)
    )
    transport = httpx.ASGITransport(app=app)
    found = [
        KeptEvidence(1, "b.example", "bob@b.example 1", START, b"first"),
        KeptEvidence(4, "b.example", "bob@b.example 00 7", START + 60, b"second"),
        KeptEvidence(1, "b.example", "bob@b.example 1", START + 90, b"the first again"),
    ]
    try:
        shows = Incident("bob@b.example", "history")
        kept = [
            await store.relations.write_evidence(INBOX, LETTER, prepare, one, shows)
            for one in found
        ]
        letters = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            listed = await client.post("/evidence/list", json={"account": "alice@a.example"})
            asked = {"account": "alice@a.example", "id": 1}
            given = await client.post("/evidence/get", json=asked)
            none = await client.post("/evidence/get", json={**asked, "id": 9})
    finally:
        store.close()

    assert (kept, letters) == ([True, True, False], 2)
    assert [(one["id"], one["kind"]) for one in listed.json()["evidence"]] == [
        (2, "cloned device"),
        (1, "fork"),
    ]
    assert base64.b64decode(given.json()["bundle"]) == b"first"
    assert none.status_code == 400
    assert none.json() == {"error": "there is no evidence 9: see mx-gateway evidence list"}
