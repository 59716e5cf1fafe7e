"""Packed tables of fields, and cuts by them: the same octets as by the fields one by one."""

from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime import field_table
from mx_core.mime.field_table import Cut
from mx_core.mime.header import fields_subset
from mx_core.mime.prepare import prepare

LINES = st.sampled_from(
    [b"Subject: s", b"To: t", b"\tfolded", b"no colon", b"TO: again", b"X: y", b": nameless"]
)
HEADERS = st.tuples(
    st.lists(LINES, max_size=8).map(b"\r\n".join),
    st.sampled_from([b"", b"\r\n", b"\n", b"\r\n\r\n", b"\r\n\r\nbody"]),
).map(b"".join)
NAMES = st.lists(st.sampled_from([b"SUBJECT", b"To", b"x", b"none", b""]), max_size=4)


@given(st.lists(HEADERS, max_size=5), NAMES, st.booleans())
def test_a_cut_sends_what_the_fields_one_by_one_do(
    headers: list[bytes], names: list[bytes], exclude: bool
) -> None:
    cut = Cut(names, exclude)
    for octets in [*headers, *headers]:
        form = prepare(octets)
        header = octets[: form.header_end]

        told = cut(header, field_table.pack(form.fields))

        assert told == fields_subset(octets, form, names, exclude)


def test_what_a_cut_remembers_is_bounded() -> None:
    cut = Cut([b"x"], exclude=False)
    for number in range(2 * field_table._LISTS_MAX):
        octets = b"X: y\r\nN%d: z\r\n\r\n" % number
        assert cut(octets, field_table.pack(prepare(octets).fields)) == b"X: y\r\n\r\n"

    assert len(cut._known) <= field_table._LISTS_MAX
    cut = Cut([b"x"], exclude=False)
    for header in (b"Name: z\r\n" * 300 + b"X: y\r\n\r\n", b"X: y\r\nN: z\r\n" * 40 + b"\r\n"):
        told = cut(header, field_table.pack(prepare(header).fields))
        assert told == b"X: y\r\n" * header.count(b"X: y") + b"\r\n"
    assert not cut._known


def test_a_table_comes_back() -> None:
    fields = prepare(b"A: b\r\nno colon\r\nC: d\r\n\r\n").fields

    assert field_table.unpack(field_table.pack(fields)) == fields
    assert field_table.unpack(field_table.pack(())) == ()
