"""An address as written, and the one canonical form that keys are bound to.  Identity §1."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.model.address import Address, canonical_domain, is_canonical
from mx_core.model.errors import BadAddress

locals_ = st.from_regex(r"\A[A-Za-z0-9!#$%&'*/=?^_`{|}~éßñ-]{1,12}(\.[a-zA-Z0-9]{1,6})?\Z")
domains = st.from_regex(r"\A[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,2}\Z")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("alice@a.example", "alice@a.example"),
        ("Alice@A.Example", "alice@a.example"),
        ("alice+shop@a.example", "alice@a.example"),
        ("alice+shop+more@a.example", "alice@a.example"),
        ("A.B@a.example", "a.b@a.example"),
        ("zoe\u0308@a.example", "zoë@a.example"),
        ("ÅSA@a.example", "Åsa@a.example"),
        ("o'neil@a.example", "o'neil@a.example"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("bob@BÜCHER.example", "bob@xn--bcher-kva.example"),
        ("bob@localhost", "bob@localhost"),
    ],
)
def test_the_canonical_form_folds_ascii_alone_and_drops_the_tag(
    written: str, canonical: str
) -> None:
    assert str(Address.parse(written).canonical()) == canonical


def test_what_was_written_is_kept_beside_the_canonical_form() -> None:
    address = Address.parse("Alice+Shop@A.Example")

    assert (address.local, address.domain) == ("Alice+Shop", "a.example")
    assert str(address) == "Alice+Shop@a.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "@a.example",
        "alice@",
        "alice@@a.example",
        ".alice@a.example",
        "alice.@a.example",
        "al..ice@a.example",
        "al ice@a.example",
        '"al ice"@a.example',
        "alice@a..example",
        "alice@-a.example",
        "alice@a-.example",
        "alice@a_b.example",
        "alice@a.example.",
        "alice@[192.0.2.1]",
        "alice@a.exam ple",
        "alice@a.example\n",
        "al\nice@a.example",
        "al\0ice@a.example",
        "al\ud800ice@a.example",
        "alice@a\ud800.example",
        "alice@a.\u00ad.example",
        "x" * 65 + "@a.example",
        "é" * 33 + "@a.example",
        "alice@" + "a" * 64 + ".example",
        "alice@" + ".".join(["a" * 49] * 6),
        "alice@☃.example\0",
    ],
)
def test_what_cannot_be_delivered_to_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(text)


def test_the_longest_parts_are_taken() -> None:
    domain = ".".join(["a" * 63] * 3 + ["b" * 61])

    address = Address.parse("x" * 64 + "@" + domain)

    assert len(address.domain) == 253
    assert len(address.local) == 64


def test_an_address_that_is_all_tag_names_nobody() -> None:
    with pytest.raises(BadAddress):
        Address.parse("+tag@a.example").canonical()


def test_a_tag_that_leaves_no_dot_string_names_nobody() -> None:
    with pytest.raises(BadAddress):
        Address.parse("a.+b@a.example").canonical()


@settings(max_examples=200)
@given(local=locals_, domain=domains)
def test_the_canonical_form_of_a_canonical_form_is_itself(local: str, domain: str) -> None:
    canonical = str(Address.parse(f"{local}@{domain}").canonical())

    assert is_canonical(canonical)
    assert str(Address.parse(canonical).canonical()) == canonical


@settings(max_examples=300)
@given(text=st.text(max_size=40))
def test_any_text_is_an_address_or_refused_and_nothing_else(text: str) -> None:
    for candidate in (text, f"{text}@a.example", f"alice@{text}"):
        try:
            address = Address.parse(candidate)
        except BadAddress:
            assert not is_canonical(candidate)
        else:
            assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("alice@a.example", True),
        ("zoë@a.example", True),
        ("Alice@a.example", False),
        ("alice@A.example", False),
        ("alice+x@a.example", False),
        ("zoe\u0308@a.example", False),
        ("bob@bücher.example", False),
        ("bob@xn--bcher-kva.example", True),
        ("", False),
        ("alice", False),
    ],
)
def test_only_the_exact_form_is_canonical(text: str, canonical: bool) -> None:
    assert is_canonical(text) is canonical


def test_a_domain_is_lower_case_a_labels() -> None:
    assert canonical_domain("A.Example") == "a.example"
    assert canonical_domain("faß.example") == "xn--fa-hia.example"
    with pytest.raises(BadAddress):
        canonical_domain("")
