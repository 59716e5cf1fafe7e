"""The data of the page as JSON has the shapes that its own document tells."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from gateway.web.page.api import SHAPES
from mx_core.model.errors import Locked
from tests.support.page_desks import EVIL
from tests.support.page_gateway import HOST, Everything

pytestmark = pytest.mark.anyio
ACCOUNT = {"account": "alice@a.example"}


@pytest.mark.parametrize("path", SHAPES)
async def test_every_answer_has_the_shape_of_the_document(
    inside: httpx.AsyncClient, path: str
) -> None:
    document = (await inside.get("/api/openapi.json")).json()
    answer = await inside.get(path, params=ACCOUNT)
    told = document["paths"][path]["get"]
    schema = told["responses"]["200"]["content"]["application/json"]["schema"]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]

    assert answer.headers["content-type"] == "application/json"
    assert set(named["properties"]) == set(answer.json())
    assert msgspec.to_builtins(msgspec.convert(answer.json(), SHAPES[path][0])) == answer.json()
    assert bool(told["parameters"]) is SHAPES[path][2]


async def test_what_others_wrote_is_a_value_and_nothing_else(inside: httpx.AsyncClient) -> None:
    answer = await inside.get("/api/queue")

    assert answer.json()["queue"][0]["reason"] == EVIL
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_without_a_session_nothing_is_told(outside: httpx.AsyncClient) -> None:
    for path in (*SHAPES, "/api/openapi.json"):
        assert (await outside.get(path, params=ACCOUNT)).status_code == 401


async def test_another_host_is_refused_and_nothing_can_be_changed(
    inside: httpx.AsyncClient,
) -> None:
    other = await inside.get("/api/status", headers={"host": "evil.example"})
    changed = await inside.post("/api/status", headers={"origin": f"http://{HOST}"})

    assert (other.status_code, changed.status_code) == (421, 405)


async def test_a_refusal_is_one_sentence(inside: httpx.AsyncClient, behind: Everything) -> None:
    answers: list[Any] = [await inside.get("/api/contacts", params={"account": "x"})]
    behind.trouble = Locked("locked")
    answers.append(await inside.get("/api/status"))

    assert [one.status_code for one in answers] == [400, 503]
    assert answers[1].json() == {"error": "locked"}
