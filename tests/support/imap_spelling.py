"""Commands of IMAP, spelled: for ``parse(render(x)) == x``."""

from __future__ import annotations

import re
from typing import assert_never

from msgspec import structs

from imap_out.wire import commands as c
from imap_out.wire import dates, render, utf7
from imap_out.wire.fetch_items import (
    Attribute,
    BinarySection,
    BinarySize,
    Column,
    FetchItem,
    Spelling,
)
from imap_out.wire.framing import Frame
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
    SearchKey,
    Sent,
    Smaller,
    Uids,
)
from imap_out.wire.search_return import Returning


# ── render ───────────────────────────────────────────────────────────────────────────
def frame_of(text: bytes) -> Frame:
    """Return the frame of one rendered command (with its CRLF) by cutting at its literals."""
    segments: list[bytes] = []
    rest = text
    while True:
        line, _, rest = rest.partition(b"\r\n")
        segments.append(line)
        marker = re.search(rb"\{(\d+)\+?\}\Z", line)
        if marker is None:
            assert not rest
            return Frame(tuple(segments))
        count = int(marker[1])
        segments.append(rest[:count])
        rest = rest[count:]


def render_command(tag: bytes, command: c.Command) -> bytes:
    """Spell a command as a client would, literals included, with its CRLF."""
    return tag + b" " + _spell(command) + b"\r\n"


def _mailbox(name: str) -> bytes:
    return render.mailbox(name)


def _pattern(name: str) -> bytes:
    return render.string(utf7.encode(name))


def _uid(by_uid: bool, text: bytes) -> bytes:
    return b"UID " + text if by_uid else text


def _spell(command: c.Command) -> bytes:
    match command:
        case c.Capability() | c.Noop() | c.Logout() | c.StartTls() | c.Namespace() | c.Idle():
            return type(command).__name__.upper().encode()
        case c.Check() | c.Close() | c.Unselect():
            return type(command).__name__.upper().encode()
        case c.Id():
            return b'ID ("name" "Thunderbird" "os" NIL)'
        case c.Authenticate(mechanism, initial):
            return b"AUTHENTICATE " + mechanism + (b" " + initial.reveal() if initial else b"")
        case c.Login(user, password):
            return b"LOGIN %b %b" % (render.astring(user), render.astring(password.reveal()))
        case c.Enable(extensions):
            return b"ENABLE " + b" ".join(extensions)
        case c.Select(name, read_only):
            verb = b"EXAMINE " if read_only else b"SELECT "
            return verb + _mailbox(name) + _parameters(command)
        case c.Create(name, uses):
            use = b" (USE (%b))" % b" ".join(uses) if uses else b""
            return b"CREATE " + _mailbox(name) + use
        case c.Delete(name):
            return b"DELETE " + _mailbox(name)
        case c.Rename(old, new):
            return b"RENAME %b %b" % (_mailbox(old), _mailbox(new))
        case c.Subscribe(name, subscribed):
            return (b"SUBSCRIBE " if subscribed else b"UNSUBSCRIBE ") + _mailbox(name)
        case c.Lsub(reference, pattern):
            return b"LSUB %b %b" % (_mailbox(reference), _pattern(pattern))
        case c.List():
            return _list(command)
        case c.Status(name, items):
            return b"STATUS %b (%b)" % (_mailbox(name), b" ".join(items))
        case c.Append(name, messages):
            return b"APPEND " + _mailbox(name) + b"".join(map(_new_message, messages))
        case c.Replace(number, name, message, by_uid):
            told = b"REPLACE %d %b%b" % (number, _mailbox(name), _new_message(message))
            return _uid(by_uid, told)
        case c.GetQuota(root):
            return b"GETQUOTA " + render.astring(root)
        case c.GetQuotaRoot(name):
            return b"GETQUOTAROOT " + _mailbox(name)
        case c.SetQuota():
            return b'SETQUOTA "" (STORAGE 512)'
        case c.Compress(mechanism):
            return b"COMPRESS " + mechanism
        case c.Expunge(uids):
            return b"EXPUNGE" if uids is None else b"UID EXPUNGE " + uids.render()
        case c.Notify(asked, status):
            told = b" ".join(map(_group, asked))
            return (
                b"NOTIFY SET%b %b" % (b" STATUS" if status else b"", told)
                if asked
                else b"NOTIFY NONE"
            )
        case c.Search(key, charset, by_uid, what):
            told = b"CHARSET %b " % charset if charset else b""
            return _uid(by_uid, b"SEARCH " + _returning(what) + told + _key(key))
        case c.Sort(criteria, key, charset, by_uid, what):
            words = [(b"REVERSE " if one.reverse else b"") + one.by.value for one in criteria]
            told = b"SORT %b(%b) %b " % (_returning(what), b" ".join(words), charset)
            return _uid(by_uid, told + _key(key))
        case c.Thread(algorithm, key, charset, by_uid):
            return _uid(by_uid, b"THREAD %b %b %b" % (algorithm.value, charset, _key(key)))
        case c.Fetch(which, items, by_uid, changed_since, vanished, partial):
            spelled = b" ".join(map(_item, items))
            words = [b"PARTIAL " + partial.render()] if partial is not None else []
            if changed_since is not None:
                words.append(b"CHANGEDSINCE %d" % changed_since)
            words += [b"VANISHED"] if vanished else []
            modifiers = b" (%b)" % b" ".join(words) if words else b""
            return _uid(by_uid, b"FETCH %b (%b)%b" % (which.render(), spelled, modifiers))
        case c.Store(which, change, wanted, silent, by_uid, unchanged_since):
            told = change.value.encode() + (b".SILENT" if silent else b"")
            if unchanged_since is not None:
                told = b"(UNCHANGEDSINCE %d) %b" % (unchanged_since, told)
            told = b"STORE %b %b %b" % (which.render(), told, render.flag_list(wanted))
            return _uid(by_uid, told)
        case c.Copy(which, name, move, by_uid):
            verb = b"MOVE" if move else b"COPY"
            return _uid(by_uid, b"%b %b %b" % (verb, which.render(), _mailbox(name)))
        case _:
            assert_never(command)


def _new_message(new: c.NewMessage) -> bytes:
    text = b" " + render.flag_list(new.flags) if new.flags else b""
    text += b' "%b"' % dates.render_date_time(new.date) if new.date is not None else b""
    text += b" ~" if new.binary else b" "
    return text + b"{%d}\r\n%b" % (len(new.octets), new.octets)


def _group(group: c.EventGroup) -> bytes:
    text = group.mailboxes.value
    if group.names:
        text += b" (%b)" % b" ".join(map(_mailbox, group.names))
    items = b" (%b)" % b" ".join(map(_item, group.items)) if group.items else b""
    spelled = [event + (items if event == b"MESSAGENEW" else b"") for event in sorted(group.events)]
    return b"(%b %b)" % (text, b"(%b)" % b" ".join(spelled) if spelled else b"NONE")


def _parameters(command: c.Select) -> bytes:
    told = [b"CONDSTORE"] if command.condstore else []
    if command.resync is not None:
        known = command.resync
        words = [b"%d" % known.uid_validity, b"%d" % known.modseq]
        words += [known.known.render()] if known.known else []
        words += [b"(%b %b)" % tuple(s.render() for s in known.match)] if known.match else []
        told.append(b"QRESYNC (%b)" % b" ".join(words))
    return b" (%b)" % b" ".join(told) if told else b""


def _list(command: c.List) -> bytes:
    text = b"LIST "
    if command.selecting:
        text += b"(%b) " % b" ".join(sorted(command.selecting))
    text += _mailbox(command.reference) + b" "
    patterns = b" ".join(map(_pattern, command.patterns))
    text += b"(%b)" % patterns if len(command.patterns) > 1 else patterns
    options = sorted(command.returning)
    if command.status:
        options.append(b"STATUS (%b)" % b" ".join(command.status))
    return text + (b" RETURN (%b)" % b" ".join(options) if options else b"")


def _item(item: FetchItem) -> bytes:
    if isinstance(item, Attribute | Column):
        named: bytes = item.value
        return named
    if isinstance(item, BinarySize):
        return render.binary_name(item)
    if isinstance(item, BinarySection):
        name = render.binary_name(structs.replace(item, partial=None))
        text = name.replace(b"BINARY", b"BINARY.PEEK") if item.peek else name
        return text + (b"<%d.%d>" % item.partial if item.partial else b"")
    if item.spelling is not Spelling.BODY:
        spelt: bytes = item.spelling.value
        return spelt
    text = b"BODY.PEEK[" if item.peek else b"BODY["
    text += render.section(item.section) + b"]"
    return text + (b"<%d.%d>" % item.partial if item.partial else b"")


def _returning(what: Returning | None) -> bytes:
    if what is None:
        return b""
    words = sorted(item.value for item in what.items)
    if what.partial is not None:
        words.append(b"PARTIAL " + what.partial.render())
    return b"RETURN (%b) " % b" ".join(words)


def _key(key: SearchKey) -> bytes:
    match key:
        case Every(keys):
            return b"(%b)" % b" ".join(map(_key, keys)) if keys else b"ALL"
        case Either(one, other):
            return b"OR %b %b" % (_key(one), _key(other))
        case Negated(inner):
            return b"NOT " + _key(inner)
        case HasFlag(flag):
            if flag.startswith("\\"):
                return flag[1:].upper().encode()
            return b"KEYWORD " + flag.encode()
        case InHeader(name, value):
            return b"HEADER %b %b" % (name, render.astring(value))
        case InBody(value):
            return b"BODY " + render.astring(value)
        case InText(value):
            return b"TEXT " + render.astring(value)
        case Arrived(when, day):
            return b"%b %b" % (when.value, dates.render_date(day))
        case Sent(when, day):
            return b"SENT%b %b" % (when.value, dates.render_date(day))
        case Saved(when, day):
            return b"SAVED%b %b" % (when.value, dates.render_date(day))
        case OfEmail(wanted):
            return b"EMAILID " + wanted
        case OfThread(wanted):
            return b"THREADID " + wanted
        case Aged(older, seconds):
            return b"%b %d" % (b"OLDER" if older else b"YOUNGER", seconds)
        case Larger(count):
            return b"LARGER %d" % count
        case Smaller(count):
            return b"SMALLER %d" % count
        case Numbers(which):
            return which.render()
        case Uids(which):
            return b"UID " + which.render()
        case Changed(modseq):
            return b"MODSEQ %d" % modseq
        case _:
            assert_never(key)
