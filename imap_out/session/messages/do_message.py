"""The commands that change messages: STORE, COPY, MOVE, EXPUNGE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imap_out.session.answers.out import Out
from imap_out.session.fetch.lines import tell
from imap_out.session.fetch.pieces import recipe_of
from imap_out.session.mailboxes.do_quota import require_room
from imap_out.session.messages.do_append import bound_keywords
from imap_out.session.state.as_thought import otherwise
from imap_out.session.state.capability import CONDSTORE
from imap_out.session.state.meant import positions
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Copy, Expunge, Store
from imap_out.wire.fetch_items import Attribute, FetchItem
from imap_out.wire.sequence_set import uid_set
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import mailbox_name
from mx_core.ports import Copied, MailWriter

_AT_ONCE: Final = 10_240  # messages whose flags are changed within three milliseconds or so


async def store(session: Session, command: Store, out: Out) -> Completed:
    """RFC 9051 §6.4.6; with UNCHANGEDSINCE RFC 7162 §3.1.3."""
    view = writable(session)
    bound_keywords(command.flags)
    if command.unchanged_since is not None:
        session.enabled.add(CONDSTORE)
    asked = positions(view, command.which, by_uid=command.by_uid)
    places = view.there(asked)
    uids = view.uids_at(places)
    before = view.rows
    late: set[Uid] = set()
    if uids:

        def job(writer: MailWriter) -> set[Uid]:
            return _store(writer, view, uids, command)

        at_once = len(uids) <= _AT_ONCE and session.is_alone()
        done = session.mail.write_here(job) if at_once else None
        late = done[0] if done is not None else await session.mail.write(job)
        view.absorb()
    for line in view.new_keywords():
        out.put(line)
    unknown = set(late)
    if command.silent:
        # only what came out otherwise than the client must think is told
        unknown.update(otherwise(before, view.rows, places, command))
    view.told([uid for uid in uids if uid not in unknown] if unknown else uids)
    stored = view.there(places)
    if late:
        stored = [at for at in stored if view.uids[at] not in late]
    if not command.silent or view.tells_modseq:
        await _tell_stored(session, view, stored, command, out)
    some_are_gone = len(places) < len(asked)
    if command.unchanged_since is not None and (late or some_are_gone):
        return Completed(b"some had changed", _modified(view, asked, set(uids) - late, command))
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
    uids: Sequence[Uid] | None = None
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


async def _tell_stored(
    session: Session, view: SelectedView, places: Sequence[int], command: Store, out: Out
) -> None:
    """Tell flags, or after a silent STORE what RFC 7162 §3.1.3 still wants told."""
    items: list[FetchItem] = [Attribute.UID]
    if not command.silent:
        items.append(Attribute.FLAGS)
    if view.tells_modseq:
        items.append(Attribute.MODSEQ)
    recipe = recipe_of(tuple(items))
    assert recipe is not None  # noqa: S101  # all of these are live
    await tell(session, view, places, recipe, out)
