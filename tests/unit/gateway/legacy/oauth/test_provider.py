"""Who is known by name, what the configuration may say, and what it may not."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.config import OAuth
from gateway.legacy.oauth.authorization import Question
from gateway.legacy.oauth.provider import KNOWN, provider_of
from mx_core.model.errors import BadConfiguration, Refused


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_is_known_is_asked_over_https(name: str) -> None:
    provider = provider_of(name, {name: OAuth(client_id="x")})

    assert provider == KNOWN[name]
    assert provider.token_url.startswith("https://")


def test_the_configuration_says_more_or_other_of_a_provider_and_names_others() -> None:
    tables = {
        "microsoft": OAuth(token_url="https://login.example/t"),
        "isp": OAuth(token_url="https://isp.example/t", scope="mail"),
    }

    assert provider_of("microsoft", tables).token_url == "https://login.example/t"
    assert provider_of("microsoft", tables).device_url == KNOWN["microsoft"].device_url
    assert provider_of("isp", tables).scope == "mail"
    with pytest.raises(Refused, match="google, isp, microsoft"):
        provider_of("yahoo", tables)


@pytest.mark.parametrize(
    "url",
    ["http://isp.example/t", "ftp://isp.example", "http://localhost.example/", "x", "http://[x"],
)
def test_nobody_is_asked_in_clear_but_on_this_computer(url: str) -> None:
    with pytest.raises(BadConfiguration, match=r"oauth\.isp\.token_url"):
        provider_of("isp", {"isp": OAuth(token_url=url)})
    assert provider_of("isp", {"isp": OAuth(token_url="http://127.0.0.1:1/t")}).token_url


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_question_names_a_loopback_port_and_hides_the_verifier(name: str) -> None:
    provider = KNOWN[name]
    question = Question.new(provider, "id", "alice@old.example", 7777, lambda size: b"x" * size)
    asked = parse_qs(urlsplit(question.url).query)

    assert asked["redirect_uri"] == [f"http://{provider.redirect_host}:7777/"]
    assert asked["code_challenge_method"] == ["S256"]
    assert 43 <= len(question.verifier) <= 128  # RFC 7636 §4.1
    assert question.verifier not in asked["code_challenge"]
