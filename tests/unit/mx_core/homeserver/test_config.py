"""The configuration is checked whole, and its problems are told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from mx_core.homeserver.config import FILE_NAME, load, parse
from mx_core.model.errors import BadConfiguration


def _refused(tree: dict[str, object]) -> str:
    with pytest.raises(BadConfiguration) as caught:
        parse(tree, "mx-home.toml")
    return str(caught.value)


def _bucket(endpoint: str) -> dict[str, object]:
    return {
        "domain": "a.example",
        "storage": {"blobs": "s3://city/mx", "blobs_endpoint": endpoint},
    }


@pytest.mark.parametrize(
    "endpoint", ["", "https://s3.example.net", "https://s3.example.net:9000/", "http://127.0.0.1:9"]
)
def test_large_bodies_may_be_in_a_bucket(endpoint: str) -> None:
    assert parse(_bucket(endpoint), "x").storage.in_bucket


def test_a_domain_is_enough() -> None:
    assert parse({"domain": "a.example"}, "x").ports.client == 8445


def test_an_unknown_key_is_named_with_its_nearest_known_one() -> None:
    assert "unknown key 'ports.helo', did you mean 'ports.hello'?" in _refused(
        {"domain": "a.example", "ports": {"helo": 1}}
    )


def test_all_unknown_keys_are_told_at_once() -> None:
    sentence = _refused({"domain": "a.example", "hots": "x", "queue": {"first_delay": 1}})

    assert "'hots'" in sentence
    assert "'queue.first_delay_seconds'" in sentence


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({}, "domain"),
        ({"domain": 7}, "Expected `str`"),
        ({"domain": "A.example"}, "must be written 'a.example'"),
        ({"domain": "not a domain"}, "not a domain"),
        ({"domain": "a.example", "ports": {"hello": 8444}}, "no two ports"),
        ({"domain": "a.example", "ports": {"hello": 70_000}}, "65535"),
        ({"domain": "a.example", "ports": {"hello": 0}}, "65535"),
        ({"domain": "a.example", "limits": {"blob_octets": 0}}, "blob_octets must be more than 0"),
        ({"domain": "a.example", "queue": {"give_up_seconds": -1}}, "give_up_seconds"),
        ({"domain": "a.example", "rates": {"peer_burst": 0}}, "peer_burst must be more than 0"),
        ({"domain": "a.example", "log": {"level": "loud"}}, "loud"),
        ({"domain": "a.example", "storage": {"blobs": "s3://"}}, "s3://bucket/prefix"),
        ({"domain": "a.example", "storage": {"blobs": "s3://UP/x"}}, "s3://bucket/prefix"),
        ({"domain": "a.example", "storage": {"blobs_region": "x"}}, "are of a bucket"),
        (_bucket("http://s3.example.net"), "https://"),
        (_bucket("https://key:secret@s3.example.net"), "holds a key"),
        (_bucket("https://s3.example.net/city"), "nothing behind them"),
        (_bucket("https://s3.example.net:port"), "no URL"),
    ],
)
def test_a_wrong_value_is_refused(tree: dict[str, object], words: str) -> None:
    assert words in _refused(tree)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="mx-home init"):
        load(tmp_path)


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("domain = [")

    with pytest.raises(BadConfiguration, match="not valid TOML"):
        load(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe")

    with pytest.raises(BadConfiguration, match="cannot be read"):
        load(tmp_path)
