"""One framed command in, one `Command` out.  No I/O, no session state, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from imap_out.wire import parse_mailbox
from imap_out.wire.commands import (
    Authenticate,
    Capability,
    Check,
    Close,
    Command,
    Compress,
    Copy,
    Enable,
    Expunge,
    Id,
    Idle,
    Login,
    Logout,
    Namespace,
    Noop,
    Replace,
    StartTls,
    Store,
    Unselect,
)
from imap_out.wire.cursor import TAG_CLASS, Cursor
from imap_out.wire.framing import Frame
from imap_out.wire.parse_fetch import fetch, fetch_one
from imap_out.wire.parse_notify import notify
from imap_out.wire.parse_search import search
from imap_out.wire.parse_sort import sort, thread
from imap_out.wire.syntax import BadSyntax
from mx_core.model.flags import RECENT
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange

_NUMBER_MAX: Final = 2**32 - 1
_ID_FIELDS_MAX: Final = 30  # RFC 2971 §3.3
# what mail programs say again and again; a password is in none of it
_ASKED_AGAIN: Final = frozenset({b"NOOP", b"CHECK", b"IDLE", b"STATUS", b"FETCH", b"UID FETCH"})
_SHORT: Final = 200  # octets
_KNOWN_MAX: Final = 256
_known: dict[tuple[bytes, bool], Command] = {}  # commands are values, so they are anybody's
# what a program says as often as there are messages, or pieces of one: read without a step for each
# token.  Nine digits are below 2^32; what ends in a space or a literal is read at length.
_FETCH_ONE: Final = re.compile(
    rb"([%b]+) (UID )?FETCH ([1-9][0-9]{0,8}) ([^ ].*[^ }])" % TAG_CLASS, re.IGNORECASE
)


def parse(frame: Frame, *, utf8: bool = False) -> tuple[bytes, Command]:
    """Return the tag and the command that *frame* spells; *utf8* is how names are spelled.

    Raises:
        BadSyntax: It spells none; the session answers BAD and reads the next frame.
    """
    if len(frame.segments) == 1 and (one := _FETCH_ONE.fullmatch(frame.segments[0])) is not None:
        fetched = fetch_one(int(one[3]), one[4], by_uid=one[2] is not None)
        if fetched is not None:
            return one[1], fetched
    cursor = Cursor(frame, utf8=utf8)
    tag = cursor.tag()
    key = (cursor.left(), utf8)
    command = _known.get(key)
    if command is not None and cursor.in_last:
        return tag, command
    try:
        cursor.expect(b" ")
        name = cursor.word()
        if name == b"UID":
            cursor.space()
            name = b"UID " + cursor.word()
        last = cursor.in_last
        command = PARSERS.get(name, _unknown)(cursor)
        cursor.expect_end()
    except BadSyntax as error:
        error.tag = tag
        raise
    if last and name in _ASKED_AGAIN and len(key[0]) <= _SHORT:
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[key] = command
    return tag, command


def _unknown(args: Cursor) -> Command:
    raise args.bad("a command")


def _authenticate(args: Cursor) -> Authenticate:
    # authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]          RFC 4959 §4
    # initial-resp = base64 / "="
    args.space()
    mechanism = args.atom().upper()
    if not args.takes(b" "):
        return Authenticate(mechanism)
    return Authenticate(mechanism, Secret(args.rest()))


def _compress(args: Cursor) -> Compress:
    # compress = "COMPRESS" SP algorithm                                    RFC 4978 §5
    args.space()
    return Compress(args.atom().upper())


def _login(args: Cursor) -> Login:
    # login = "LOGIN" SP userid SP password
    args.space()
    username = args.astring()
    args.space()
    return Login(username, Secret(args.astring()))


def _id(args: Cursor) -> Id:
    # id = "ID" SP id-params-list
    # id-params-list = "(" *(string SP nstring) ")" / nil                   RFC 2971 §4
    args.space()
    if args.takes(b"NIL"):
        return Id()
    args.expect(b"(")
    fields = 0
    client = b""
    while not args.takes(b")"):
        if fields and not args.takes(b" "):
            raise args.bad("a parameter")
        field = args.string()
        args.space()
        value = args.nstring()
        if field.lower() == b"name":
            client = value or b""
        fields += 1
        if fields > _ID_FIELDS_MAX:
            raise args.bad(f"at most {_ID_FIELDS_MAX} parameters")
    return Id(client)


def _enable(args: Cursor) -> Enable:
    # enable = "ENABLE" 1*(SP capability)                                   RFC 5161 §4
    names: list[bytes] = []
    while args.takes(b" "):
        names.append(args.atom().upper())
    if not names:
        raise args.bad("the name of an extension")
    return Enable(tuple(names))


def _store(args: Cursor, *, by_uid: bool) -> Store:
    # store           = "STORE" SP sequence-set SP store-att-flags
    # store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
    args.space()
    which = args.sequence_set()
    args.space()
    # store-modifiers = SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"   RFC 7162 §7
    unchanged_since = None
    if args.takes(b"(UNCHANGEDSINCE "):
        unchanged_since = args.modseq()
        args.expect(b")")
        args.space()
    name = args.word()
    silent = name.endswith(b".SILENT")
    try:
        change = FlagChange(name.removesuffix(b".SILENT").decode())
    except ValueError as error:
        raise args.bad("FLAGS") from error
    args.space()
    if args.sees(b"("):
        return Store(which, change, args.flags(), silent, by_uid, unchanged_since)
    flags = [args.flag()]
    while args.takes(b" ") and not args.at_end():
        flags.append(args.flag())
    return Store(which, change, frozenset(flags) - {RECENT}, silent, by_uid, unchanged_since)


def _copy(args: Cursor, *, by_uid: bool, move: bool) -> Copy:
    # copy = "COPY" SP sequence-set SP mailbox ;  move alike                RFC 9051 §9
    args.space()
    which = args.sequence_set()
    args.space()
    return Copy(which, args.mailbox(), move, by_uid)


def _replace(args: Cursor, *, by_uid: bool) -> Replace:
    # replace = "REPLACE" SP seq-number SP mailbox append-message          RFC 8508 §6
    args.space()
    number = args.number()
    if not 0 < number <= _NUMBER_MAX:
        raise args.bad("the number of a message")
    args.space()
    mailbox = args.mailbox()
    args.space()
    return Replace(number, mailbox, parse_mailbox.new_message(args), by_uid)


def _uid_expunge(args: Cursor) -> Expunge:
    # uid-expunge = "UID" SP "EXPUNGE" SP sequence-set                      RFC 4315 §4
    args.space()
    return Expunge(args.sequence_set())


PARSERS: Final[dict[bytes, Callable[[Cursor], Command]]] = {
    b"CAPABILITY": lambda _: Capability(),
    b"NOOP": lambda _: Noop(),
    b"LOGOUT": lambda _: Logout(),
    b"ID": _id,
    b"COMPRESS": _compress,
    b"STARTTLS": lambda _: StartTls(),
    b"AUTHENTICATE": _authenticate,
    b"LOGIN": _login,
    b"ENABLE": _enable,
    b"SELECT": partial(parse_mailbox.select, read_only=False),
    b"EXAMINE": partial(parse_mailbox.select, read_only=True),
    b"CREATE": parse_mailbox.create,
    b"DELETE": parse_mailbox.delete,
    b"RENAME": parse_mailbox.rename,
    b"SUBSCRIBE": partial(parse_mailbox.subscribe, subscribed=True),
    b"UNSUBSCRIBE": partial(parse_mailbox.subscribe, subscribed=False),
    b"LIST": parse_mailbox.list_,
    b"LSUB": parse_mailbox.lsub,
    b"NAMESPACE": lambda _: Namespace(),
    b"STATUS": parse_mailbox.status,
    b"APPEND": parse_mailbox.append,
    b"GETQUOTA": parse_mailbox.get_quota,
    b"GETQUOTAROOT": parse_mailbox.get_quota_root,
    b"SETQUOTA": parse_mailbox.set_quota,
    b"NOTIFY": notify,
    b"IDLE": lambda _: Idle(),
    b"CHECK": lambda _: Check(),
    b"CLOSE": lambda _: Close(),
    b"UNSELECT": lambda _: Unselect(),
    b"EXPUNGE": lambda _: Expunge(),
    b"UID EXPUNGE": _uid_expunge,
    b"SEARCH": partial(search, by_uid=False),
    b"UID SEARCH": partial(search, by_uid=True),
    b"SORT": partial(sort, by_uid=False),
    b"UID SORT": partial(sort, by_uid=True),
    b"THREAD": partial(thread, by_uid=False),
    b"UID THREAD": partial(thread, by_uid=True),
    b"FETCH": partial(fetch, by_uid=False),
    b"UID FETCH": partial(fetch, by_uid=True),
    b"REPLACE": partial(_replace, by_uid=False),
    b"UID REPLACE": partial(_replace, by_uid=True),
    b"STORE": partial(_store, by_uid=False),
    b"UID STORE": partial(_store, by_uid=True),
    b"COPY": partial(_copy, by_uid=False, move=False),
    b"UID COPY": partial(_copy, by_uid=True, move=False),
    b"MOVE": partial(_copy, by_uid=False, move=True),
    b"UID MOVE": partial(_copy, by_uid=True, move=True),
}
