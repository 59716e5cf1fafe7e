"""What a configuration file may name as a resolver."""

import pytest

from mx_core.model.errors import BadConfiguration
from mx_core.resolver.settings import ResolverSettings, parse_nameserver


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ("", 53)),
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_a_resolver_is_an_address_with_or_without_a_port(text: str, where: tuple[str, int]) -> None:
    assert parse_nameserver(text, "x") == ResolverSettings(*where)


@pytest.mark.parametrize(
    "text",
    ["localhost", "x:y", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "[::1", "1.2.3.4:5:6"],
)
def test_anything_else_is_refused_by_the_name_of_its_setting(text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"here\.nameserver is an address"):
        parse_nameserver(text, "here.nameserver")
