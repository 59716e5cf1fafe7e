"""The whole of it against recorded answers, mutations and messages made to be expensive."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.mime import header, part_map
from mx_core.mime.prepare import prepare
from mx_core.mime.section import Text, section_octets
from mx_core.mime.text import searchable
from mx_core.model.message import MessageForm
from tests.support import imap_tokens
from tests.support.mime_bombs import BOMBS
from tests.support.odd_messages import FAMILIES, odd_messages
from tests.support.pace import takes_at_most

VECTORS = Path(__file__).parents[3] / "vectors" / "mime"
ODD = {message.name: message.octets for message in odd_messages()}
SMALL = [octets for octets in ODD.values() if len(octets) < 3_000]


# ── recorded answers ─────────────────────────────────────────────────────────────────
def _digest(octets: bytes) -> str:
    return f"{len(octets)}:{hashlib.blake2b(octets, digest_size=5).hexdigest()}"


def _ours(octets: bytes, asked: list[str], sections: list[str]) -> dict[str, object]:
    form = prepare(octets)
    names = [name.encode() for name in asked]
    cut = {name: _section(octets, form, name) for name in sections}
    return {
        "octets": _digest(octets),
        "size": form.size,
        "envelope": imap_tokens.read(form.envelope),
        "bodystructure": imap_tokens.read(form.bodystructure),
        "body": imap_tokens.read(form.body),
        "sections": {name: _digest(part) for name, part in cut.items() if part},
        "absent": [name for name, part in cut.items() if not part],
        "fields": header.fields_subset(octets, form, names, exclude=False).decode("latin-1"),
        "other_fields": _digest(header.fields_subset(octets, form, names, exclude=True)),
    }


def _section(octets: bytes, form: MessageForm, name: str) -> bytes:
    words = name.split(".") if name else []
    path = [int(word) for word in words if word.isdigit()]
    text = Text(words[-1]) if words and not words[-1].isdigit() else Text.WHOLE
    found = section_octets(form, path, text)
    return b"" if found is None else octets[found[0] : found[1]]


@pytest.mark.parametrize("family", [family.__name__.strip("_") for family in FAMILIES])
def test_each_answer_is_the_recorded_one_or_a_listed_difference(family: str) -> None:
    recorded = json.loads((VECTORS / f"{family}.json").read_text())
    differences = json.loads((VECTORS / "differences.json").read_text())["messages"]
    for name, theirs in recorded["messages"].items():
        asked = [*theirs["sections"], *theirs["absent"]]
        ours = _ours(ODD[name], recorded["fields_asked"], asked)
        theirs["absent"].sort()
        ours["absent"].sort()  # type: ignore[attr-defined]  # it is a list
        theirs.update(differences.get(name, {}).get("ours", {}))

        assert ours == theirs, name


def test_every_listed_difference_is_of_a_recorded_message_and_has_a_reason() -> None:
    differences = json.loads((VECTORS / "differences.json").read_text())["messages"]

    assert all(name in ODD and entry["because"] for name, entry in differences.items())


# ── any octets ───────────────────────────────────────────────────────────────────────
def _check(octets: bytes) -> None:
    form = prepare(octets)
    assert form.size == len(octets)
    for answer in (form.envelope, form.bodystructure, form.body):
        assert b"\0" not in answer
        imap_tokens.read(answer)
    covered = 0
    for field in form.fields:
        assert field.start == covered
        assert field.end > field.start
        covered = field.end
    assert covered <= form.header_end <= covered + 2
    root = part_map.decode(form.parts)
    assert (root.header_start, root.end) == (0, len(octets))
    assert root.body_start == form.header_end
    for part in root.walk():
        assert part.header_start <= part.body_start <= part.end
        at = part.body_start
        for child in part.children:
            assert at <= child.header_start
            at = child.end
        assert at <= part.end
        assert (part.message is None) or len(part.children) == 1
    searchable(octets, form)


@pytest.mark.parametrize("name", list(ODD))
def test_offsets_of_an_odd_message_nest_and_its_fields_cover_its_header(name: str) -> None:
    _check(ODD[name])


@settings(max_examples=300, deadline=None)
@given(
    octets=st.sampled_from(SMALL),
    changes=st.lists(
        st.tuples(st.integers(0), st.sampled_from([b"", *(bytes([n]) for n in range(256))])),
        min_size=1,
        max_size=4,
    ),
)
def test_any_altered_octet_leaves_a_message_that_is_taken_apart(
    octets: bytes, changes: list[tuple[int, bytes]]
) -> None:
    for where, octet in changes:
        at = where % (len(octets) + 1)
        octets = octets[:at] + octet + octets[at + 1 :]

    _check(octets)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"\r\n",
                b"\n",
                b"\r",
                b"--",
                b"b",
                b"--b",
                b"--b--",
                b" ",
                b"\t",
                b"\0",
                b":",
                b"(",
                b'"',
                b"\\",
            ]
            + [b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: message/rfc822"]
            + [
                b"Content-Type: multipart/digest; boundary=bb",
                b"To: ",
                b"Subject: ",
                b"<a@b>",
                b"\xff",
            ]
        ),
        max_size=60,
    )
)
def test_any_pile_of_tokens_is_taken_apart(tokens: list[bytes]) -> None:
    _check(b"".join(tokens))


@given(st.binary(max_size=300))
def test_any_octets_are_taken_apart(octets: bytes) -> None:
    _check(octets)


# ── work ─────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("bomb", list(BOMBS))
def test_a_megabyte_made_to_be_expensive_is_prepared_at_once(bomb: str) -> None:
    octets = BOMBS[bomb](1_000_000)
    form = prepare(octets)

    assert takes_at_most(0.2, partial(prepare, octets))
    assert len(form.bodystructure) + len(form.envelope) < 2 * len(octets) + 10_000


@pytest.mark.parametrize(
    "octets",
    [
        b"From: " + b"(" * 1_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 16_000,
        b"Content-Type: text/plain" + b"; p=v" * 16_000,
        b"To: " + b"a@b.example, " * 16_000,
        b"From: <b@\r",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
            for n in range(1_000)
        ),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
    ],
    ids=["comments", "words", "parameters", "addresses", "bare CR", "nested", "parts"],
)
def test_what_the_standard_parser_dies_of_takes_less_than_200_ms(octets: bytes) -> None:
    assert takes_at_most(0.2, partial(prepare, octets))


# ── what else the form says ──────────────────────────────────────────────────────────
def test_the_form_holds_what_sorting_and_threading_need() -> None:
    form = prepare(
        b"Message-ID: (x) <one@a.example>\r\n"
        b"Subject: Re: [list] =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Thu, 1 Jan 1970 01:00:10 +0100\r\n\r\n"
    )

    assert form.message_id == b"one@a.example"
    assert form.base_subject == "GRU\u0308ßE"
    assert form.sent == 10


def test_what_is_missing_is_empty_and_not_an_error() -> None:
    form = prepare(b"")

    assert (form.message_id, form.base_subject, form.sent) == (b"", "", None)
    assert form.envelope == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert form.body == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)'


def test_the_named_top_fields_alone_are_those_of_the_form() -> None:
    for octets in (*ODD.values(), *(bomb(20_000) for bomb in BOMBS.values())):
        alone = header.split_fields(octets, 0, len(octets))
        assert [each for each in alone if each.name] == [
            each for each in prepare(octets).fields if each.name
        ]
