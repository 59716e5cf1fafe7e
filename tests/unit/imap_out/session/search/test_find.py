"""SEARCH finds what a slow and plain model finds, at every moment and with awkward terms."""

from __future__ import annotations

import asyncio
import re
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from imap_out.wire.search_keys import (
    Aged,
    Arrived,
    Either,
    Every,
    HasFlag,
    InBody,
    InHeader,
    InText,
    Larger,
    Negated,
    Numbers,
    SearchKey,
    Sent,
    Smaller,
    Uids,
    When,
)
from imap_out.wire.sequence_set import SequenceSet
from mx_core.mime.prepare import prepare
from mx_core.model.flags import DELETED, RECENT, SEEN, Flag, FlagSet
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange
from tests.support import imap_spelling
from tests.support.search_model import Message, found
from tests.support.transcript import Transcript

NOW = 1_795_000_000
# ligatures, combining marks, CJK, quotes, and what other engines take for operators
TERMS = [
    "", "a", "re", "OR", "NOT ", "ﬁ", "fi", "é", "e\u0301", "É", "ß", "SS", "漢", "漢字", '"', "\\", "%",
    "*", "(", "a\tb", "\u01c4", "\u0130", "<", "@", " <", "\n", "ſ", "-x", "^$", "\U0001f600",
]  # fmt: skip
terms = st.sampled_from(TERMS).map(str.encode)
values = st.lists(st.sampled_from([t for t in TERMS if "\n" not in t]), max_size=4).map(" x".join)
fields = st.sampled_from(
    ["Subject", "From", "To", "Cc", "Bcc", "Message-ID", "X-Other", "Date", "Content-Type"]
)
DATES = [
    "Mon, 1 Jan 2024 23:30:00 -0500",
    "Tue, 2 Jan 2024 00:30:00 +0500",
    "2 Jan 2024 12:00 GMT",
    "never",
]
encoded = st.sampled_from(["=?utf-8?q?=C3=A9?=", "=?utf-8?b?ZmnvrIE=?=", '"quoted \\" x" <a@b.c>'])
lines = st.one_of(
    st.tuples(fields, values),
    st.tuples(fields, encoded),
    st.tuples(st.just("Date"), st.sampled_from(DATES)),
).map(lambda line: f"{line[0]}: {line[1]}\r\n")
mails = st.builds(
    lambda head, body: ("".join(head) + "\r\n" + body).encode(), st.lists(lines, max_size=5), values
)
flag_sets = st.frozensets(st.sampled_from([SEEN, DELETED, Flag("$Junk"), Flag("Work")]))
days = st.sampled_from([date(2024, 1, 1), date(2024, 1, 2), date(1970, 1, 1), date(9999, 1, 1)])
numbers = st.integers(0, 6)
sets = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=2).map(
    lambda ranges: SequenceSet(tuple(ranges))
)
names = st.sampled_from([b"subject", b"from", b"to", b"cc", b"bcc", b"message-id", b"x-other"])
leaves = st.one_of(
    st.just(Every()),
    st.builds(HasFlag, st.sampled_from([SEEN, DELETED, RECENT, Flag("$junk"), Flag("WORK")])),
    st.builds(InHeader, names, terms),
    st.builds(InBody, terms),
    st.builds(InText, terms),
    st.builds(Arrived, st.sampled_from(When), days),
    st.builds(Sent, st.sampled_from(When), days),
    st.builds(Aged, st.booleans(), st.integers(1, 3)),
    st.builds(Larger, st.integers(0, 80)),
    st.builds(Smaller, st.integers(0, 80)),
    st.builds(Numbers, sets),
    st.builds(Uids, sets),
)
keys = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Negated, inner),
        st.builds(Either, inner, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: Every(tuple(some))),
    ),
    max_leaves=5,
)
arrivals = st.sampled_from([NOW, NOW - 1, NOW - 2, 1_704_067_199, 1_704_067_200, -5])


async def answer(
    messages: list[tuple[bytes, FlagSet, int]], gone: set[int], key: SearchKey
) -> tuple[list[int], list[int]]:
    """Return what the server says, and what the model finds."""
    world = Transcript()
    mail = world.mail
    for octets, flags, arrived in messages:
        await mail.write(
            lambda w, o=octets, f=flags, a=arrived: w.append(  # type: ignore[misc]  # bound now
                w.mailbox(INBOX).id, o, prepare(o), f | {DELETED}, a
            )
        )
    await mail.write(lambda w: w.expunge(w.mailbox(INBOX).id, [Uid(at + 1) for at in gone]))
    left = [at for at in range(len(messages)) if at not in gone]
    for at in left:
        await mail.write(
            lambda w, at=at: w.store_flags(  # type: ignore[misc]  # bound now
                w.mailbox(INBOX).id, [Uid(at + 1)], FlagChange.REPLACE, messages[at][1]
            )
        )
    line = await world.open("")
    await line.feed(b"a SELECT INBOX\r\n")
    line.taken()
    spelled = imap_spelling._key(key)
    await line.feed(b"b SEARCH CHARSET UTF-8 " + spelled + b"\r\n")
    said = line.taken()
    await world.end()
    match = re.match(rb"(?:\+ OK\r\n)*\* SEARCH((?: \d+)*)\r\nb OK", said)
    assert match is not None, said
    model = [
        Message(at + 1, messages[at][0], messages[at][1], messages[at][2], recent=True)
        for at in left
    ]
    return list(map(int, match[1].split())), found(key, model, NOW) if model else []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(mails, flag_sets, arrivals), max_size=5),
    st.sets(st.integers(0, 4), max_size=2),
    keys,
)
def test_search_finds_what_the_model_finds(
    messages: list[tuple[bytes, FlagSet, int]], gone: set[int], key: SearchKey
) -> None:
    said, expected = asyncio.run(answer(messages, gone, key))

    assert said == expected
