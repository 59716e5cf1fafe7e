import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.migration.export import layout
from gateway.migration.export.layout import Format
from mx_core.model.flags import FLAGGED, SEEN, Flag
from mx_core.model.mailbox_name import MailboxName

LEVEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
MAIL = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"From ", b">From ", b">", b"x", b"\0", b"\xff"])
).map(b"".join)


@given(st.lists(LEVEL, min_size=1, max_size=4), st.lists(LEVEL, min_size=1, max_size=4))
def test_no_two_mailboxes_share_a_directory_and_none_leads_out(
    one: list[str], other: list[str]
) -> None:
    first, second = (layout.directory(MailboxName("/".join(name))) for name in (one, other))

    assert (first == second) == (one == other)
    for level in first.split("/"):
        assert level not in {"", ".", "..", "cur", "new", "tmp"}
        assert not level.startswith(".")
        assert len(level.encode()) <= 255
        assert level.isprintable()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("INBOX", "INBOX"),
        ("Work/Caf\N{LATIN SMALL LETTER E WITH ACUTE} 2019", "Work/Caf\N{LATIN SMALL LETTER E WITH ACUTE} 2019"),
        ("../..", "%2E./%2E."),
        ("a/cur", "a/%63ur"),
        ("50%", "50%25"),
    ],
)  # fmt: skip
def test_directories(name: str, path: str) -> None:
    assert layout.directory(MailboxName(name)) == path


@given(MAIL)
def test_text_and_quoting_can_be_undone(octets: bytes) -> None:
    text, lf = layout.as_text(octets)

    assert layout.from_text(text, lines_end_in_lf=lf) == octets
    assert layout.unquoted(layout.quoted(text)) == text
    assert b"\nFrom " not in b"\n" + layout.quoted(text)


def test_names_of_files() -> None:
    digest, flags = bytes(range(32)), frozenset({SEEN, FLAGGED, Flag("$x")})

    assert layout.file_name(Format.MAILDIR, 1, digest, 0, flags) == (
        "cur/1.000102030405060708090a0b0c0d0e0f_0.mx:2,FS"
    )
    assert layout.file_name(Format.EML, 1_800_000_000, digest, 2, flags) == (
        "20270115-080000-000102030405060708090a0b0c0d0e0f-2.eml"
    )
