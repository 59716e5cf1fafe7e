"""Commands of IMAP as hypothesis makes them, and the client's side of the wire: render."""

from __future__ import annotations

import string
from datetime import date

from hypothesis import strategies as st
from msgspec.structs import replace

from imap_out.wire import commands as c
from imap_out.wire.fetch_items import (
    RFC822,
    RFC822_HEADER,
    RFC822_TEXT,
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    Column,
    Section,
    SectionText,
)
from imap_out.wire.parse_mailbox import STATUS_ITEMS
from imap_out.wire.search_keys import (
    Aged,
    Arrived,
    Changed,
    Either,
    Every,
    HasFlag,
    InBody,
    InHeader,
    InText,
    Larger,
    Negated,
    Numbers,
    OfEmail,
    OfThread,
    Saved,
    Sent,
    Smaller,
    Uids,
    When,
)
from imap_out.wire.search_return import Item, Partial, Returning
from imap_out.wire.sequence_set import SAVED, SequenceSet
from imap_out.wire.sorting import Criterion, SortBy, Threading
from mx_core.model.flags import RECENT, SYSTEM_FLAGS, Flag
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange

# ── values ───────────────────────────────────────────────────────────────────────────
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x7f"),
    min_size=1,
    max_size=20,
)
octets = st.binary(max_size=40).filter(lambda o: b"\0" not in o)
atoms = st.text(string.ascii_letters + string.digits + "-_.$", min_size=1, max_size=12)
numbers = st.integers(0, 2**32 - 1)
modseqs = st.integers(0, 2**63 - 1)
sets = st.one_of(
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4).map(
        lambda ranges: SequenceSet(tuple(ranges))
    ),
    st.just(SAVED),
)
positive = st.integers(1, 2**32 - 1)
partials = st.builds(
    lambda one, other, sign: Partial(sign * one, sign * other),
    positive,
    positive,
    st.sampled_from([1, -1]),
)
returnings = st.one_of(
    st.builds(Returning, st.frozensets(st.sampled_from(Item), min_size=1)),
    st.builds(
        Returning,
        st.frozensets(st.sampled_from(sorted(set(Item) - {Item.ALL}, key=repr))),
        partials,
    ),
)
flags = st.frozensets(st.one_of(st.sampled_from(SYSTEM_FLAGS), atoms.map(Flag)), max_size=4)
days = st.dates(date(1, 1, 1), date(9999, 12, 31))
fields = st.lists(atoms.map(lambda a: a.upper().encode()), min_size=1, max_size=3).map(tuple)
parts = st.lists(st.integers(1, 2**32 - 1), max_size=4).map(tuple)


@st.composite
def sections(draw: st.DrawFn) -> Section:
    part = draw(parts)
    texts = [text for text in SectionText if part or text is not SectionText.MIME]
    text = draw(st.sampled_from(texts))
    named = text in {SectionText.FIELDS, SectionText.FIELDS_NOT}
    return Section(part, text, draw(fields) if named else ())


fetch_items = st.one_of(
    st.sampled_from([*Attribute, *Column]),
    st.sampled_from([RFC822, RFC822_HEADER, RFC822_TEXT]),
    st.builds(
        BodySection,
        sections(),
        st.booleans(),
        st.none() | st.tuples(numbers, st.integers(1, 2**32 - 1)),
    ),
    st.builds(
        BinarySection,
        parts,
        st.booleans(),
        st.none() | st.tuples(numbers, st.integers(1, 2**32 - 1)),
    ),
    st.builds(BinarySize, parts),
)
leaves = st.one_of(
    st.just(Every()),
    st.builds(HasFlag, st.one_of(st.sampled_from([*SYSTEM_FLAGS, RECENT]), atoms.map(Flag))),
    st.builds(InHeader, atoms.map(lambda a: a.lower().encode()), octets),
    st.builds(InBody, octets),
    st.builds(InText, octets),
    st.builds(Arrived, st.sampled_from(When), days),
    st.builds(Sent, st.sampled_from(When), days),
    st.builds(Saved, st.sampled_from(When), days),
    st.builds(OfEmail, atoms.map(str.encode)),
    st.builds(OfThread, atoms.map(str.encode)),
    st.builds(Aged, st.booleans(), positive),
    st.builds(Larger, numbers),
    st.builds(Smaller, numbers),
    st.builds(Numbers, sets),
    st.builds(Uids, sets),
    st.builds(Changed, modseqs),
)
search_keys = st.recursive(
    leaves,
    lambda keys: st.one_of(
        st.builds(Negated, keys),
        st.builds(Either, keys, keys),
        st.lists(keys, min_size=2, max_size=3).map(lambda found: Every(tuple(found))),
    ),
    max_leaves=6,
)
status_items = st.lists(
    st.sampled_from(sorted(STATUS_ITEMS)), min_size=1, max_size=4, unique=True
).map(tuple)
new_messages = st.builds(
    c.NewMessage,
    st.binary(max_size=60),
    flags,
    st.none() | st.integers(0, 4_000_000_000),
    st.booleans(),
)


@st.composite
def lists(draw: st.DrawFn) -> c.List:
    selecting = draw(st.frozensets(st.sampled_from([b"SUBSCRIBED", b"REMOTE", b"SPECIAL-USE"])))
    returning = draw(st.frozensets(st.sampled_from([b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE"])))
    patterns = draw(st.lists(names, min_size=1, max_size=3).map(tuple))
    status = draw(st.just(()) | status_items)
    extended = bool(selecting or returning or status or len(patterns) > 1)
    return c.List(draw(names), patterns, extended, selecting, returning, status)


fixed_sets = st.lists(
    st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1)), min_size=1, max_size=3
).map(lambda ranges: SequenceSet(tuple(ranges)))
resyncs = st.builds(
    c.Resync,
    numbers,
    modseqs,
    st.none() | fixed_sets,
    st.none() | st.tuples(fixed_sets, fixed_sets),
)
fetches = st.builds(
    c.Fetch,
    sets,
    st.lists(fetch_items, min_size=1, max_size=4, unique=True).map(tuple),
    st.booleans(),
    st.none() | modseqs,
    partial=st.none() | partials,
)
pairs = frozenset({b"MESSAGENEW", b"MESSAGEEXPUNGE"})
message_events = st.frozensets(st.sampled_from([*pairs, b"FLAGCHANGE"])).map(
    lambda events: events | pairs if events else events
)
name_events = st.frozensets(st.sampled_from([b"MAILBOXNAME", b"SUBSCRIPTIONCHANGE"]))
groups = st.builds(
    lambda kind, found, messages, other: c.EventGroup(
        kind,
        found if kind in {c.Mailboxes.SUBTREE, c.Mailboxes.NAMED} else (),
        messages | other,
    ),
    st.sampled_from([m for m in c.Mailboxes if not m.name.startswith("SELECTED")]),
    st.lists(names, min_size=1, max_size=3).map(tuple),
    message_events,
    name_events,
)
selected_groups = st.builds(
    lambda kind, events, items: c.EventGroup(kind, (), events, items if events else ()),
    st.sampled_from([c.Mailboxes.SELECTED, c.Mailboxes.SELECTED_DELAYED]),
    message_events,
    st.lists(fetch_items, max_size=2, unique=True).map(tuple),
)
notifies = st.one_of(
    st.just(c.Notify(())),
    st.builds(c.Notify, st.lists(groups, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(
        lambda one, more: c.Notify((one, *more)), selected_groups, st.lists(groups, max_size=2)
    ),
)
valid = st.one_of(
    notifies,
    st.sampled_from(
        [c.Capability(), c.Noop(), c.Logout(), c.StartTls(), c.Namespace(), c.Idle(), c.Check()]
    ),
    st.sampled_from([c.Close(), c.Unselect(), c.Expunge(), c.Id(b"Thunderbird")]),
    st.builds(c.Expunge, sets),
    st.builds(c.Compress, atoms.map(lambda a: a.upper().encode())),
    st.builds(c.Login, octets, octets.map(Secret)),
    st.builds(
        c.Authenticate,
        atoms.map(lambda a: a.upper().encode()),
        st.none() | st.just(Secret(b"AGEAYg==")),
    ),
    st.builds(c.Enable, st.lists(atoms.map(lambda a: a.upper().encode()), min_size=1).map(tuple)),
    st.builds(c.Select, names, st.booleans(), st.booleans(), st.none() | resyncs),
    st.builds(c.Create, names, st.just(()) | st.just((b"\\Sent",))),
    st.builds(c.Delete, names),
    st.builds(c.Rename, names, names),
    st.builds(c.Subscribe, names, st.booleans()),
    lists(),
    st.builds(c.Lsub, names, names),
    st.builds(c.GetQuota, octets),
    st.builds(c.GetQuotaRoot, names),
    st.just(c.SetQuota()),
    st.builds(c.Status, names, status_items),
    st.builds(c.Append, names, st.lists(new_messages, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Replace, st.integers(1, 2**32 - 1), names, new_messages, st.booleans()),
    st.builds(
        c.Search,
        search_keys,
        st.none() | st.just(b"UTF-8"),
        st.booleans(),
        st.none() | returnings,
    ),
    st.builds(
        c.Sort,
        st.lists(
            st.builds(Criterion, st.sampled_from(SortBy), st.booleans()), min_size=1, max_size=4
        ).map(tuple),
        search_keys,
        st.just(b"UTF-8"),
        st.booleans(),
        st.none() | returnings,
    ),
    st.builds(
        c.Thread, st.sampled_from(Threading), search_keys, st.just(b"US-ASCII"), st.booleans()
    ),
    fetches,
    fetches.filter(lambda f: f.by_uid and f.changed_since is not None).map(
        lambda f: replace(f, vanished=True)
    ),
    st.builds(
        c.Store,
        sets,
        st.sampled_from(FlagChange),
        flags,
        st.booleans(),
        st.booleans(),
        st.none() | modseqs,
    ),
    st.builds(c.Copy, sets, names, st.booleans(), st.booleans()),
)
