"""The data of the page as JSON has the shapes that its own document tells."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from gateway.web.page.api.answers import SHAPES, openapi
from mx_core.model.errors import Locked
from tests.support.page_desks import EVIL
from tests.support.page_gateway import HOST, READ, Everything

pytestmark = pytest.mark.anyio
ACCOUNT = {"account": "alice@a.example"}
ASKED = ACCOUNT | {"contact": "bob@b.example", "address": "dora@old.example", "domain": "b.example"}


_KINDS = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip


def faults(
    value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$"
) -> list[str]:
    """Hold *value* against *schema* as the document writes it: what it uses of JSON Schema, no more."""
    unknown = set(schema) - {"$ref", "anyOf", "type", "properties", "required", "items"}
    unknown -= {"additionalProperties", "title", "description"}
    if unknown:
        return [f"{at}: {sorted(unknown)} is not understood"]
    if "$ref" in schema:
        named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return faults(value, named, document, at)
    if "anyOf" in schema:
        tried = [faults(value, each, document, at) for each in schema["anyOf"]]
        return [] if [] in tried else tried[0]
    kind = _KINDS.get(schema.get("type", ""), object)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return [f"{at}: {type(value).__name__}, not {schema['type']}"]
    required = schema.get("required", ())
    found = [
        f"{at}: no {name}" for name in required if not isinstance(value, dict) or name not in value
    ]
    if isinstance(value, dict):
        named = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        for name, each in value.items():
            inner = named.get(name, rest if isinstance(rest, dict) else {})
            found += faults(each, inner, document, f"{at}.{name}")
    if isinstance(value, list):
        for each in value:
            found += faults(each, schema.get("items", {}), document, f"{at}[]")
    return found


def test_what_holds_an_answer_against_the_document_finds_what_is_wrong() -> None:
    document = openapi()
    status = {"$ref": "#/components/schemas/Queue"}
    right = dict.fromkeys(("queue_id", "sender", "recipient", "state", "reason"), "x")

    assert faults({"queue": [right]}, status, document) == []
    assert faults({"queue": [{**right, "state": 1}]}, status, document) == [
        "$.queue[].state: int, not string"
    ]
    assert faults({}, status, document) == ["$: no queue"]


@pytest.mark.parametrize("path", SHAPES)
async def test_every_answer_has_the_shape_of_the_document(
    inside: httpx.AsyncClient, path: str
) -> None:
    document = (await inside.get("/api/openapi.json")).json()
    shape = SHAPES[path]
    answer = await inside.get(path, params={name: ASKED[name] for name in shape.asked})
    told = document["paths"][path]["get"]
    schema = told["responses"]["200"]["content"]["application/json"]["schema"]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]

    assert answer.headers["content-type"] == "application/json"
    assert answer.status_code == 200
    assert set(named["properties"]) == set(answer.json())
    assert msgspec.to_builtins(msgspec.convert(answer.json(), shape.kind)) == answer.json()
    assert [each["name"] for each in told["parameters"]] == list(shape.asked)
    assert faults(answer.json(), schema, document) == []


# what a page shows, and where a program reads the same; what is no data stands with ""
SAME = {
    "/": "/api/status",
    "/outbox": "/api/queue",
    "/programs": "/api/passwords",
    "/key": "/api/key",
    "/doctor": "/api/doctor",
    "/activity": "/api/activity",
    "/devices": "/api/devices",
    "/move": "/api/move",
    "/requests": "/api/requests",
    "/policy": "/api/policy",
    "/begin/look": "/api/domain",
    "/connect": "/api/greeting",
    "/mail": "/api/mail",
    **dict.fromkeys(("/accounts/new", "/begin", "/begin/domain", "/begin/trial"), ""),
    **dict.fromkeys(("/begin/real", "/restore", "/unlock"), ""),
    "/begin/rule": "/api/status",
}


def test_whatever_a_page_shows_is_to_be_had_as_json() -> None:
    pages = {path.partition("?")[0] for path in READ}

    assert pages == set(SAME)
    assert {path for path in SAME.values() if path} <= set(SHAPES)


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
