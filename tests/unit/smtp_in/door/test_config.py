"""The configuration of a door: nothing is needed, everything wrong is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mx_core.model.errors import BadConfiguration
from mx_core.resolver.settings import ResolverSettings
from smtp_in.door.config import Config, load, parse, resolver_of

PAGE = Path(__file__).resolve().parents[4] / "docs/guide/door.md"


def test_a_door_needs_no_file(tmp_path: Path) -> None:
    assert load(tmp_path) == Config()


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"prot": 25}, "did you mean 'port'"),
        ({"port": 0}, "port is a number"),
        ({"tls": {"certificate": "x"}}, "given together"),
        ({"name": "Mail.B.Example"}, "must be written 'mail.b.example'"),
        ({"judging": {"forwarders": ["a b"]}}, "is not a domain name"),
        ({"judging": {"seconds": 0}}, "times are not below 0"),
        ({"judging": {"nameserver": "x:y"}}, "an address, or an address:port"),
        ({"aliases": {"Postmaster": "bob"}}, "no local part in lower case"),
        ({"aliases": {"postmaster": "bob@b.example"}}, "no local part in lower case"),
        ({"limits": {"recipients": 0}}, "limits.recipients must be more than 0"),
        ({"limits": {"tarpit_seconds": -1}}, "times are not below 0"),
        ({"limits": {"message_octets": 10**9}}, "is at most"),
    ],
)
def test_what_is_wrong_is_told(tree: dict[str, Any], says: str) -> None:
    with pytest.raises(BadConfiguration, match=says):
        parse(tree, "here")


def test_a_question_is_repeated_within_its_time() -> None:
    where = resolver_of(parse({"judging": {"nameserver": "[::1]:5353"}}, "here"), 3.0)

    assert where == ResolverSettings("::1", 5353, timeout_seconds=1.5, lifetime_seconds=3.0)


def test_the_guide_names_every_key() -> None:
    text = PAGE.read_text(encoding="utf-8")
    config = Config()
    keys = [
        f"{section}.{field}" if section else field
        for section, struct in (
            ("", config),
            ("tls", config.tls),
            ("judging", config.judging),
            ("limits", config.limits),
        )
        for field in struct.__struct_fields__
        if field not in {"tls", "judging", "limits", "log"}
    ]

    assert [key for key in keys if f"`{key}`" not in text] == []
