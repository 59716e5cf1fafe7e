"""A packed table of fields comes back."""

from mx_core.mime import field_table
from mx_core.mime.prepare import prepare


def test_a_table_comes_back() -> None:
    fields = prepare(b"A: b\r\nno colon\r\nC: d\r\n\r\n").fields

    assert field_table.unpack(field_table.pack(fields)) == fields
    assert field_table.unpack(field_table.pack(())) == ()
