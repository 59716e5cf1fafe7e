import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.migration.naming import mailbox_for
from mx_core.model.errors import BadMailboxName
from mx_core.model.mailbox_name import mailbox_name


@pytest.mark.parametrize(
    ("levels", "into", "name"),
    [
        (["inbox"], "", "INBOX"),
        (["Inbox", "Work"], "", "INBOX/Work"),
        (["INBOX"], "Old", "Old/INBOX"),
        (["a/b", "c"], "", "a_b/c"),
        ([" ", "\x07x"], "", "_/x"),
        ([], "", "_"),
        (["x" * 1_200], "", "x" * 900),
        ([str(n) for n in range(40)], "", "/".join(map(str, range(23))) + "/" + "_".join(map(str, range(23, 40)))),
    ],
)  # fmt: skip
def test_names(levels: list[str], into: str, name: str) -> None:
    assert mailbox_for(levels, into) == name


@given(st.lists(st.text(max_size=400), max_size=50), st.sampled_from(["", "Imported", "a/b"]))
def test_every_folder_finds_a_mailbox(levels: list[str], into: str) -> None:
    name = mailbox_for(levels, into)

    assert mailbox_name(name) == name
    assert name.startswith(into)


def test_a_bad_place_to_put_it_is_refused() -> None:
    with pytest.raises(BadMailboxName):
        mailbox_for(["x"], "a//b")
