"""The commands that change messages: STORE, COPY, MOVE, EXPUNGE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from imap_out.session.capability import CONDSTORE
from imap_out.session.do_append import bound_keywords
from imap_out.session.do_quota import require_room
from imap_out.session.out import Out
from imap_out.session.refusals import ClientBug, Refusal
from imap_out.session.selected import SelectedView
from imap_out.session.session import Completed, Session
from imap_out.wire.commands import Copy, Expunge, Store
from imap_out.wire.sequence_set import SequenceSet, uid_set
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import mailbox_name
from mx_core.ports import Copied, FlagChange, MailWriter


def positions(view: SelectedView, which: SequenceSet, *, by_uid: bool) -> Sequence[int]:
    """Return the indices that a set means in *view*, ascending; raises as `spans`."""
    ranges = spans(view, which, by_uid=by_uid)
    return ranges[0] if len(ranges) == 1 else list(chain.from_iterable(ranges))


def spans(view: SelectedView, which: SequenceSet, *, by_uid: bool) -> list[range]:
    """Return the indices that a set means in *view*, as ascending ranges.

    A UID that is not there is nothing (RFC 9051 §6.4.9).  A sequence number beyond the end is
    BAD, except that ``1:*`` of an empty mailbox is nothing: many clients ask so.

    Raises:
        ClientBug: A number no message has.
    """
    if by_uid:
        rows = view.rows
        last = rows.uids[len(rows) - 1] if len(rows) else 0
        return which.positions_of(last, rows.place)
    count = len(view.rows)
    ends = which.spans(count)
    if ends and ends[-1][1] > count:
        raise ClientBug(f"there are {count} messages")
    if not ends and any(low and high for low, high in which.ranges):
        raise ClientBug("there are no messages")
    return [range(low - 1, high) for low, high in ends]


async def store(session: Session, command: Store, out: Out) -> Completed:
    """RFC 9051 §6.4.6; with UNCHANGEDSINCE RFC 7162 §3.1.3."""
    view = writable(session)
    bound_keywords(command.flags)
    if command.unchanged_since is not None:
        session.enabled.add(CONDSTORE)
    places = positions(view, command.which, by_uid=command.by_uid)
    uids = [uid for uid in view.uids_at(places) if not view.is_gone(uid)]
    some_are_gone = len(uids) < len(places)
    expected = {uid: _changed(view, uid, command) for uid in uids} if command.silent else {}
    late: set[Uid] = set()
    if uids:
        late = await session.mail.write(lambda writer: _store(writer, view, uids, command))
        view.absorb()
    for line in view.new_keywords():
        out.put(line)
    stored = [uid for uid in uids if uid not in late]
    if command.silent:
        # only what came out otherwise than the client must think is told
        view.told(uid for uid in stored if _folded(_flags_of(view, uid)) == _folded(expected[uid]))
    else:
        view.told(stored)
    if not command.silent or view.tells_modseq:
        for uid in stored:
            at = view.rows.position(uid)
            if at is not None and not view.is_gone(uid):
                out.put(view.modseq_line(at) if command.silent else view.flags_line(at))
                await out.room()
    if command.unchanged_since is not None and (late or some_are_gone):
        return Completed(b"some had changed", _modified(view, places, set(stored), command))
    # RFC 2180 §4.2: OK, for a message that is gone needs no flags; the code says to look
    return Completed(b"stored", b"EXPUNGEISSUED" if some_are_gone else b"")


def _store(writer: MailWriter, view: SelectedView, uids: Sequence[Uid], command: Store) -> set[Uid]:
    """Change flags; return the UIDs that were left alone, since they changed meanwhile."""
    late: set[Uid] = set()
    if command.unchanged_since is not None:
        late = writer.changed_since(view.mailbox, uids, command.unchanged_since)
    rest = [uid for uid in uids if uid not in late] if late else uids
    if rest:
        writer.store_flags(view.mailbox, rest, command.change, command.flags)
    return late


def _modified(view: SelectedView, places: Sequence[int], stored: set[Uid], command: Store) -> bytes:
    """Spell which messages a conditional STORE left alone.  RFC 7162 §3.1.3."""
    uids = view.uids_at(places)
    left = [(at, uid) for at, uid in zip(places, uids, strict=True) if uid not in stored]
    return b"MODIFIED " + uid_set(uid if command.by_uid else at + 1 for at, uid in left)


async def copy(session: Session, command: Copy, out: Out) -> Completed:
    """COPY and MOVE.  RFC 9051 §6.4.7, §6.4.8; the answer codes are those of RFC 4315 §3."""
    view = writable(session) if command.move else session.selected()
    target = mailbox_name(command.mailbox)
    uids = view.uids_at(positions(view, command.which, by_uid=command.by_uid))
    if not command.by_uid and any(view.is_gone(uid) for uid in uids):
        raise Refusal(b"EXPUNGEISSUED", "some of these messages are gone")

    def job(writer: MailWriter) -> Copied | None:
        writer.mailbox(target)
        if not uids:
            return None
        if command.move:
            return writer.move(view.mailbox, uids, target)
        copied = writer.copy(view.mailbox, uids, target)
        require_room(session, writer)
        return copied

    try:
        copied = await session.mail.write(job)
    except NoSuchMailbox as error:
        raise Refusal(b"TRYCREATE", "there is no such mailbox") from error
    if copied is None or not copied.source:
        return Completed(b"there was nothing to do")
    code = b"COPYUID %d %b %b" % (
        copied.uid_validity,
        uid_set(copied.source),
        uid_set(copied.target),
    )
    if not command.move:
        return Completed(b"copied", code)
    # RFC 6851 §4.3: COPYUID comes before the EXPUNGEs, so it is untagged
    out.put(b"* OK [%b] moved\r\n" % code)
    return Completed(b"moved", tells_modseq=True)


async def expunge(session: Session, command: Expunge, _out: Out) -> Completed:
    """EXPUNGE and UID EXPUNGE.  RFC 9051 §6.4.3, §6.4.9."""
    view = writable(session)
    uids: list[Uid] | None = None
    if command.uids is not None:
        uids = view.uids_at(positions(view, command.uids, by_uid=True))
    if uids is None or uids:
        await session.mail.write(lambda writer: writer.expunge(view.mailbox, uids))
    return Completed(b"expunged", tells_modseq=True)


def writable(session: Session) -> SelectedView:
    """Return the view; raises Refusal if it was opened with EXAMINE."""
    view = session.selected()
    if view.read_only:
        raise Refusal(b"READ-ONLY", "the mailbox was opened with EXAMINE")
    return view


def _flags_of(view: SelectedView, uid: Uid) -> FlagSet:
    at = view.rows.position(uid)
    return frozenset() if at is None else view.flags[at]


def _changed(view: SelectedView, uid: Uid, command: Store) -> FlagSet:
    before = _flags_of(view, uid)
    match command.change:
        case FlagChange.REPLACE:
            return command.flags
        case FlagChange.ADD:
            return before | command.flags
        case FlagChange.REMOVE:
            gone = _folded(command.flags)
            return frozenset(flag for flag in before if flag.lower() not in gone)


def _folded(flags: Iterable[str]) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)
