"""A header in two halves is the header, and a cut of it sends what the fields one by one do."""

from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime import listed
from mx_core.mime.header import fields_subset
from mx_core.mime.listed import LISTED, Cut, halves
from mx_core.mime.prepare import prepare
from mx_core.model.message import HeaderField
from tests.support.odd_messages import odd_messages

LINES = st.sampled_from(
    [
        *(b"Subject: s", b"To: t", b"\tfolded", b"no colon", b"TO: again", b"X: y", b": nameless"),
        *(b"Received: r\r\n\tfolded", b"X-Priority : 1", b"DKIM-Signature: d", b"\x00: n", b"cc:"),
    ]
)
ENDS = st.sampled_from([b"", b"\r\n", b"\n", b"\r\n\r\n", b"\r\n\r\nbody"])
HEADERS = st.tuples(st.lists(LINES, max_size=10).map(b"\r\n".join), ENDS).map(b"".join)
NAMES = st.lists(
    st.sampled_from([b"SUBJECT", b"To", b"x", b"received", b"dkim-signature", b"none", b""]),
    max_size=5,
)


@given(HEADERS)
def test_both_halves_are_the_header_and_its_fields(octets: bytes) -> None:
    form = prepare(octets)

    told = halves(octets[: form.header_end], form.fields)

    assert listed.header_of(*told) == octets[: form.header_end]
    assert listed.fields_of(told[2]) == form.fields
    assert listed.fields_of(listed.table(form.fields)) == form.fields
    assert told[0] == fields_subset(octets, form, LISTED, exclude=False)


def test_odd_headers_come_back_and_are_cut_as_one_by_one() -> None:
    for octets in (message.octets for message in odd_messages()):
        form = prepare(octets)
        told = halves(octets[: form.header_end], form.fields)

        assert listed.header_of(*told) == octets[: form.header_end]
        assert listed.fields_of(told[2]) == form.fields
        assert told[0] == fields_subset(octets, form, LISTED, exclude=False)
        for names in ([b"subject"], [b"x-odd", b"from", b"to"], [f.name for f in form.fields[::2]]):
            for exclude in (False, True):
                cut = Cut(names, exclude)(*told)
                assert cut == fields_subset(octets, form, names, exclude)


@given(st.lists(HEADERS, max_size=5), NAMES, st.booleans())
def test_a_cut_sends_what_the_fields_one_by_one_do(
    headers: list[bytes], names: list[bytes], exclude: bool
) -> None:
    cut = Cut(names, exclude)
    for octets in [*headers, *headers]:
        form = prepare(octets)

        told = cut(*halves(octets[: form.header_end], form.fields))

        assert told == fields_subset(octets, form, names, exclude)


def test_what_a_cut_remembers_is_bounded() -> None:
    def cut_of(cut: Cut, octets: bytes) -> bytes:
        return cut(*halves(octets, prepare(octets).fields))

    cut = Cut([b"x"], exclude=False)
    for number in range(2 * listed._LISTS_MAX):
        assert cut_of(cut, b"X: y\r\nN%d: z\r\n\r\n" % number) == b"X: y\r\n\r\n"

    assert len(cut._known) <= listed._LISTS_MAX
    cut = Cut([b"x"], exclude=False)
    for header in (b"Name: z\r\n" * 300 + b"X: y\r\n\r\n", b"X: y\r\nN: z\r\n" * 40 + b"\r\n"):
        assert cut_of(cut, header) == b"X: y\r\n" * header.count(b"X: y") + b"\r\n"
    assert not cut._known


def test_places_beyond_64_kib_are_kept_whole() -> None:
    header = b"To: a\r\nX: " + b"x" * 70_000 + b"\r\nFrom: b\r\nY: z\r\n\r\n"
    fields = prepare(header).fields
    told = halves(header, fields)

    assert listed.fields_of(told[2]) == fields
    assert listed.header_of(*told) == header
    assert Cut([b"y", b"to"], exclude=False)(*told) == b"To: a\r\nY: z\r\n\r\n"
    assert told[0] == b"To: a\r\nFrom: b\r\n\r\n"


def test_a_header_without_fields_has_halves() -> None:
    assert halves(b"\r\n", ()) == (b"\r\n", b"\r\n", listed.table(()))
    assert halves(b"", ()) == (b"\r\n", b"", listed.table(()))
    assert listed.fields_of(listed.table(())) == ()
    assert listed.fields_of(listed.table([HeaderField(b"", 0, 4)])) == (HeaderField(b"", 0, 4),)
