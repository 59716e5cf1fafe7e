"""Host and port."""

from __future__ import annotations

import pytest

from mx_core.discovery.endpoint import Endpoint, endpoint, parse_endpoint
from mx_core.model.errors import Untrusted


@pytest.mark.parametrize(
    ("text", "host"),
    [("a.example:1", "a.example"), ("127.0.0.1:1", "127.0.0.1"), ("[::1]:1", "::1")],
)
def test_text_and_endpoint_are_two_forms_of_one_thing(text: str, host: str) -> None:
    assert parse_endpoint(text) == Endpoint(host, 1)
    assert str(Endpoint(host, 1)) == text


@pytest.mark.parametrize(
    "text",
    ["", "a.example", "a.example:", ":1", "::1:1", "[::1]", "a b:1", "a.example:1x", "[a.example]:1",
     "A.example:1", "a.example:99999", "a..example:1", "a.example:-1", "a.example:0"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Untrusted) as refused:
        parse_endpoint(text)

    assert refused.value.failure == "format"


@pytest.mark.parametrize(
    ("host", "port"),
    [(1, 1), ("a.example", "1"), ("a.example", True), (b"a", 1), ("x" * 254, 1), ("a.example", 0)],
)
def test_values_of_other_types_are_refused(host: object, port: object) -> None:
    with pytest.raises(Untrusted):
        endpoint(host, port)
