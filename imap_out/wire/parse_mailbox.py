"""The commands about mailboxes: CREATE, LIST, LSUB, STATUS, APPEND and the like."""

from __future__ import annotations

from typing import Final

from imap_out.wire.commands import (
    Append,
    Create,
    Delete,
    GetQuota,
    GetQuotaRoot,
    List,
    Lsub,
    NewMessage,
    Rename,
    Resync,
    Select,
    SetQuota,
    Status,
    Subscribe,
)
from imap_out.wire.cursor import Cursor
from imap_out.wire.sequence_set import STAR, SequenceSet
from mx_core.model.flags import Flag

_SELECTING: Final = frozenset({b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE"})
_RETURNING: Final = frozenset({b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE"})
STATUS_ITEMS: Final = frozenset(
    {
        b"MESSAGES",
        b"RECENT",
        b"UIDNEXT",
        b"UIDVALIDITY",
        b"UNSEEN",
        b"DELETED",
        b"SIZE",  # RFC 8438
        b"HIGHESTMODSEQ",  # RFC 7162 §3.1.7
        b"DELETED-STORAGE",  # RFC 9208 §4.1.4
        b"MAILBOXID",  # RFC 8474 §4.3
        b"APPENDLIMIT",  # RFC 7889 §3.2
    }
)
_PATTERNS_MAX: Final = 100


def select(args: Cursor, *, read_only: bool) -> Select:
    """Read what follows ``SELECT`` or ``EXAMINE``."""
    args.space()
    mailbox = args.mailbox()
    condstore = False
    known: Resync | None = None

    def parameter() -> None:
        nonlocal condstore, known
        # select-param =/ condstore-param                                  RFC 7162 §7
        name = args.word()
        if name == b"CONDSTORE" and not condstore:
            condstore = True
        elif name == b"QRESYNC" and known is None:
            known = _resync(args)
        else:
            raise args.bad("a select parameter")

    # select-params = SP "(" select-param *(SP select-param) ")"           RFC 4466 §2.1
    if args.takes(b" ") and not args.at_end():
        args.listed(parameter, or_none=True)
    return Select(mailbox, read_only, condstore, known)


def _resync(args: Cursor) -> Resync:
    # select-param =/ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids]
    #                 [SP seq-match-data] ")"                              RFC 7162 §7
    # seq-match-data = "(" known-sequence-set SP known-uid-set ")"
    args.expect(b" (")
    uid_validity = args.number()
    args.space()
    modseq = args.modseq()
    known: SequenceSet | None = None
    match: tuple[SequenceSet, SequenceSet] | None = None
    if args.takes(b" ") and not args.sees(b"("):
        known = _fixed_set(args)
        args.takes(b" ")
    if args.takes(b"("):
        numbers = _fixed_set(args)
        args.space()
        match = (numbers, _fixed_set(args))
        args.expect(b")")
    args.expect(b")")
    return Resync(uid_validity, modseq, known, match)


def _fixed_set(args: Cursor) -> SequenceSet:
    # known-uids = sequence-set ; "*" is not allowed
    which = args.sequence_set()
    if any(STAR in span for span in which.ranges):
        raise args.bad("a set without *")
    return which


def create(args: Cursor) -> Create:
    """Read what follows ``CREATE``."""
    # create       = "CREATE" SP mailbox [create-params]                   RFC 9051 §9
    # create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"           RFC 6154 §6
    args.space()
    mailbox = args.mailbox()
    if not args.takes(b" (USE "):
        return Create(mailbox)
    attributes = args.listed(lambda: _use_attribute(args), or_none=True)
    args.expect(b")")
    return Create(mailbox, tuple(attributes))


def delete(args: Cursor) -> Delete:
    """Read what follows ``DELETE``."""
    args.space()
    return Delete(args.mailbox())


def rename(args: Cursor) -> Rename:
    """Read what follows ``RENAME``."""
    args.space()
    old = args.mailbox()
    args.space()
    return Rename(old, args.mailbox())


def subscribe(args: Cursor, *, subscribed: bool) -> Subscribe:
    """Read what follows ``SUBSCRIBE`` or ``UNSUBSCRIBE``."""
    args.space()
    return Subscribe(args.mailbox(), subscribed)


def lsub(args: Cursor) -> Lsub:
    """Read what follows ``LSUB``."""
    args.space()
    reference = args.mailbox()
    args.space()
    return Lsub(reference, args.pattern())


def list_(args: Cursor) -> List:
    """Read what follows ``LIST``."""
    # list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
    #                                                                      RFC 5258 §6
    args.space()
    selecting = frozenset[bytes]()
    extended = args.sees(b"(")
    if extended:
        selecting = frozenset(args.listed(lambda: _option(args, _SELECTING), or_none=True))
        if b"RECURSIVEMATCH" in selecting and not selecting & {b"SUBSCRIBED", b"SPECIAL-USE"}:
            raise args.bad("an option that RECURSIVEMATCH can extend")
        args.space()
    reference = args.mailbox()
    args.space()
    if args.sees(b"("):
        extended = True
        patterns = tuple(args.listed(args.pattern))
        if len(patterns) > _PATTERNS_MAX:
            raise args.bad(f"at most {_PATTERNS_MAX} patterns")
    else:
        patterns = (args.pattern(),)
    returning: set[bytes] = set()
    status: tuple[bytes, ...] = ()
    if args.takes(b" RETURN ("):
        extended = True
        while not args.takes(b")"):
            option = _option(args, _RETURNING | {b"STATUS"})
            if option == b"STATUS":
                # status-option = "STATUS" SP "(" status-att *(SP status-att) ")"   RFC 5819 §4
                args.space()
                status = _status_items(args)
            else:
                returning.add(option)
            if not args.takes(b" ") and not args.sees(b")"):
                raise args.bad("a return option")
    return List(reference, patterns, extended, selecting, frozenset(returning), status)


def status(args: Cursor) -> Status:
    """Read what follows ``STATUS``."""
    # status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
    args.space()
    mailbox = args.mailbox()
    args.space()
    return Status(mailbox, _status_items(args))


def get_quota(args: Cursor) -> GetQuota:
    """Read what follows ``GETQUOTA``."""
    # getquota = "GETQUOTA" SP quota-root-name                             RFC 9208 §7
    args.space()
    return GetQuota(args.astring())


def get_quota_root(args: Cursor) -> GetQuotaRoot:
    """Read what follows ``GETQUOTAROOT``."""
    args.space()
    return GetQuotaRoot(args.mailbox())


def set_quota(args: Cursor) -> SetQuota:
    """Read what follows ``SETQUOTA``."""
    # setquota = "SETQUOTA" SP quota-root-name SP setquota-list            RFC 9208 §7
    args.space()
    args.astring()
    args.space()
    args.listed(lambda: _resource(args), or_none=True)
    return SetQuota()


def _resource(args: Cursor) -> None:
    # setquota-resource = resource-name SP resource-limit
    args.atom()
    args.space()
    args.number()


def append(args: Cursor) -> Append:
    """Read what follows ``APPEND``."""
    # append = "APPEND" SP mailbox 1*append-message                        RFC 3502 §7
    args.space()
    mailbox = args.mailbox()
    args.space()
    messages = [new_message(args)]
    while args.takes(b" ") and not args.at_end():
        messages.append(new_message(args))
    return Append(mailbox, tuple(messages))


def new_message(args: Cursor) -> NewMessage:
    """Read one message with its flags and date."""
    # append-message = append-opts SP append-data
    # append-opts    = [SP flag-list] [SP date-time]
    # append-data    = literal / literal8 / "UTF8" SP "(" literal8 ")"     RFC 3516 §7, RFC 6855 §4
    flags = frozenset[Flag]()
    if args.sees(b"("):
        flags = args.flags()
        args.space()
    date = None
    if args.sees(b'"'):
        date = args.moment()
        args.space()
    if args.takes(b"UTF8 (~"):
        octets = args.literal()
        args.expect(b")")
        return NewMessage(octets, flags, date, binary=True)
    binary = args.takes(b"~")
    return NewMessage(args.literal(), flags, date, binary)


def _option(args: Cursor, known: frozenset[bytes]) -> bytes:
    option = args.word()
    if option not in known:
        raise args.bad("a list option")
    return option


def _status_items(args: Cursor) -> tuple[bytes, ...]:
    items = args.listed(args.word)
    if not STATUS_ITEMS.issuperset(items):
        raise args.bad("a status item")
    return tuple(dict.fromkeys(items))


def _use_attribute(args: Cursor) -> bytes:
    # use-attr = "\All" / "\Archive" / "\Drafts" / … / use-attr-ext
    args.expect(b"\\")
    return b"\\" + args.atom()
