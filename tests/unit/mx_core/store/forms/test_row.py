"""A form comes back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.ids import MessageId
from mx_core.model.message import HeaderField, MessageForm, PartMapOctets
from mx_core.store.forms import row as message_form

NAMES = st.binary(max_size=20).map(lambda name: name.replace(b"\n", b"-"))
OFFSETS = st.integers(0, 2**32 - 1)
FORMS = st.builds(
    MessageForm,
    size=OFFSETS,
    header_end=OFFSETS,
    fields=st.lists(st.builds(HeaderField, NAMES, OFFSETS, OFFSETS), max_size=40).map(tuple),
    envelope=st.binary(),
    bodystructure=st.binary(),
    body=st.binary(),
    parts=st.binary().map(PartMapOctets),
    sent=st.none() | st.integers(-(2**60), 2**60),
    message_id=st.binary(),
    base_subject=st.text(),
)


@given(FORMS)
def test_a_form_survives_its_row(form: MessageForm) -> None:
    assert message_form.from_row(message_form.to_row(MessageId(7), form, b"")) == form
