"""The search keys of RFC 8474 §6 (EMAILID, THREADID) and RFC 8514 §4.3 (SAVEDON and kin).

Their facts cost a look-up that no other key needs, so they are gathered only for a search that
holds one of these keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imap_out.session.answers.object_ids import email_id, thread_id
from imap_out.wire.dates import day_of
from imap_out.wire.search_keys import Either, Every, Negated, OfEmail, OfThread, Saved, SearchKey
from mx_core.mime.thread import thread_of
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.ports import MailReader


class ObjectFacts(Struct, frozen=True):
    """Of one message: when it came into the mailbox (unix seconds), and its ids as spelled."""

    saved: int
    email: bytes
    thread: bytes | None


def asks_objects(key: SearchKey) -> bool:
    """Tell whether *key* holds one of these keys."""
    match key:
        case Every(keys):
            return any(map(asks_objects, keys))
        case Either(one, other):
            return asks_objects(one) or asks_objects(other)
        case Negated(inner):
            return asks_objects(inner)
        case _:
            return isinstance(key, Saved | OfEmail | OfThread)


def judge_objects(key: Saved | OfEmail | OfThread, facts: ObjectFacts) -> bool:
    """Judge one message; days are compared in UTC, as INTERNALDATE's are."""
    match key:
        case Saved(when, day):
            return when.holds(day_of(facts.saved), day)
        case OfEmail(wanted):
            return facts.email == wanted
        case OfThread(wanted):
            return facts.thread == wanted


def gather(
    reader: MailReader, mailbox: MailboxId, uids: Sequence[Uid], messages: Sequence[MessageId]
) -> list[ObjectFacts]:
    """Read the facts of one slice, in its order."""
    threads = [
        thread_id(thread_of(reader.octets(message, 0, form.header_end), form))
        for message, form in zip(messages, reader.forms(messages), strict=True)
    ]
    return [
        ObjectFacts(saved, email_id(each), thread)
        for saved, each, thread in zip(
            reader.save_dates(mailbox, uids), reader.global_ids(messages), threads, strict=True
        )
    ]
