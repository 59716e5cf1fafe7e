"""Base subjects.  RFC 5256 §2.1 and its extraction examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.base_subject import read


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        (b"thing", "THING"),
        (b"Re: thing", "THING"),
        (b"re: FWD: fw: thing (fwd)  (FWD) ", "THING"),
        (b"[list] Re: thing", "THING"),
        (b"Re[2]: thing", "THING"),
        (b"Re [x] : thing", "THING"),
        (b"[a] [b] thing", "THING"),
        (b"[a] [b]", "[B]"),
        (b"[Fwd: Re: thing]", "THING"),
        (b"[fwd: thing] x", "X"),
        (b"Re: ", ""),
        (b"", ""),
        (b"folded\r\n\t subject", "FOLDED SUBJECT"),
        (b"=?utf-8?q?Re:_gr=C3=BCn?=", "GRU\u0308N"),
        (b"Rex: thing", "REX: THING"),
    ],
)
def test_what_replying_and_forwarding_add_goes(subject: bytes, base: str) -> None:
    assert read(subject).text == base


def test_no_subject_has_an_empty_base() -> None:
    assert read(None).text == ""


@given(st.text(alphabet="reREfwdFWD:[]() a", max_size=40))
def test_a_base_is_its_own_base(subject: str) -> None:
    base = read(subject.encode()).text

    assert read(base.encode()).text == base
