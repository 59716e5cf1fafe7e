"""Forms and header keys: there for each message, and on request compared with its octets.

They are derived: what is missing or differs is made anew by ``mx_core.mime``.  Messages are looked
at by the run, so that what stands together is read once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from mx_core.mime import listed
from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.message import Fact, MessageForm
from mx_core.store.bodies.body import BodyId, BodyReader
from mx_core.store.forms import facts, header_key, runs
from mx_core.store.forms import late as late_forms
from mx_core.store.forms import row as form_row
from mx_core.store.fsck.finding import Damage
from mx_core.store.fsck.messages import Octets

if TYPE_CHECKING:
    import sqlalchemy as sa

_ALL = (
    "SELECT message.id, message.size, body.id, body.size, message.internal_date FROM message"
    " JOIN body ON body.id = message.body ORDER BY message.id"
)
_KEYED = (
    "SELECT value, EXISTS (SELECT 1 FROM header_key WHERE message = value),"
    " EXISTS (SELECT 1 FROM header_text WHERE message = value) FROM json_each(?)"
)
# sizes and dates stand with what lists show, and with what answers are made of
_TOLD_TOGETHER = (
    (Fact.SIZE, Fact.INTERNAL_DATE, Fact.HEADER),
    (Fact.SIZE, Fact.INTERNAL_DATE, Fact.ENVELOPE),
)
_NO_FORM = "has no prepared form"
_OTHER_FORM = "has a prepared form that is not of its octets"


@dataclass(frozen=True, slots=True)
class _Message:
    """One that is looked at; *length* is its body's."""

    id: MessageId
    size: int
    body: BodyId
    length: int
    date: int


def check_forms(octets: Octets) -> None:
    """Compare each message with its body, and its form and keys with its octets."""
    connection, report = octets.connection, octets.report
    _check_runs(octets)
    reader = BodyReader(connection, octets.folder)
    rows = connection.exec_driver_sql(_ALL).all()
    for _, some in groupby(rows, key=lambda row: row[0] >> runs.RUN_BITS):
        messages = [_Message(MessageId(row[0]), *row[1:]) for row in some]
        for one in messages:
            if one.size != one.length:
                report.mendable(
                    Damage.BODY, f"message {one.id} has {one.length} octets, not {one.size}"
                )
                if octets.repair:
                    connection.exec_driver_sql(
                        "UPDATE message SET size = ? WHERE id = ?", (one.length, one.id)
                    )
        for message, fault in _faults(octets, reader, messages):
            report.mendable(Damage.FORM, f"message {message} {fault}")
    for table in ("form", "header_key", "header_text"):
        strays = connection.exec_driver_sql(
            f"SELECT count(*) FROM {table} WHERE message NOT IN (SELECT id FROM message)"  # noqa: S608  # literals
        ).scalar_one()
        if strays:
            report.mendable(Damage.FORM, f"{strays} rows of {table} belong to no message")
            if octets.repair:
                connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE message NOT IN (SELECT id FROM message)"  # noqa: S608  # literals
                )


def _check_runs(octets: Octets) -> None:
    """Look at forms that stand in runs: what does not open, or is of no message, goes."""
    connection = octets.connection
    kept = set(connection.exec_driver_sql("SELECT id FROM message").scalars())
    strays: set[int] = set()
    for run, slots in runs.whole(connection):
        if slots is None:
            octets.report.mendable(Damage.FORM, f"the forms of run {run} do not open")
            if octets.repair:
                runs.drop(connection, run)
        else:
            strays |= {run << runs.RUN_BITS | slot for slot in slots} - kept
    if strays:
        octets.report.mendable(Damage.FORM, f"{len(strays)} forms in runs belong to no message")
        if octets.repair:
            runs.forget(connection, sorted(strays))


def _faults(
    octets: Octets, reader: BodyReader, messages: Sequence[_Message]
) -> Iterator[tuple[MessageId, str]]:
    """Yield what is wrong with those of one run; it is mended if that is asked for."""
    connection = octets.connection
    have, damaged = _forms(connection, [one.id for one in messages])
    keys = _keys(connection, [one.id for one in messages])
    waiting: list[MessageId] = []
    doubtful: list[_Message] = []
    for one in messages:
        form = have.get(one.id)
        if form is None and one.id not in damaged and not any(keys[one.id]):
            waiting.append(one.id)  # form and keys are yet to be made, which is no fault
        elif octets.deep or form is None or form.size != one.length or not all(keys[one.id]):
            doubtful.append(one)
    if waiting and octets.repair:
        late_forms.complete(connection, reader, waiting)
    made = dict(_made(reader, doubtful))
    same = [one for one in doubtful if one.id in made and have.get(one.id) == made[one.id][0]]
    otherwise = _told_otherwise(connection, same, made)
    for one in doubtful:
        if one.id not in made:
            continue
        wrong = one.id in otherwise or have.get(one.id) != made[one.id][0]
        if one.id not in have:
            yield one.id, _NO_FORM
        elif wrong:
            yield one.id, _OTHER_FORM
        if octets.repair and (wrong or not all(keys[one.id])):
            _mend(connection, one.id, reader.octets(one.body), form_too=wrong)


def _forms(
    connection: sa.Connection, messages: Sequence[MessageId]
) -> tuple[dict[MessageId, MessageForm], set[MessageId]]:
    """Return the forms that there are, and the messages whose form does not open."""
    try:
        return runs.forms(connection, messages), set()
    except StoreDamaged:  # of the whole run, which is a finding of its own
        if len(messages) == 1:
            return {}, set(messages)
    found: dict[MessageId, MessageForm] = {}
    damaged: set[MessageId] = set()
    for message in messages:  # some may have a form beside the run
        form, does_not_open = _forms(connection, [message])
        found |= form
        damaged |= does_not_open
    return found, damaged


def _keys(
    connection: sa.Connection, messages: Sequence[MessageId]
) -> dict[MessageId, tuple[bool, bool]]:
    """Return for each whether it has numbers and texts of its header to be searched by."""
    rows = connection.exec_driver_sql(_KEYED, (json.dumps(list(messages)),))
    return {message: (bool(numbers), bool(texts)) for message, numbers, texts in rows}


def _made(
    reader: BodyReader, messages: Sequence[_Message]
) -> Iterator[tuple[MessageId, tuple[MessageForm, bytes]]]:
    """Yield the form that each should have, and its header with the octet behind it.

    Without those whose octets do not open: they are a finding of their own.
    """
    for one in messages:
        try:
            whole = reader.octets(one.body)
        except StoreDamaged:
            continue
        form = prepare(whole)
        yield one.id, (form, whole[: form.header_end + 1])


def _told_otherwise(
    connection: sa.Connection,
    messages: Sequence[_Message],
    made: Mapping[MessageId, tuple[MessageForm, bytes]],
) -> set[MessageId]:
    """Return those of which FETCH is told what is not of their octets."""
    otherwise: set[MessageId] = set()
    for asked in _TOLD_TOGETHER:
        left = list(messages)
        while left:
            columns = facts.read(
                connection,
                [one.id for one in left],
                asked,
                lambda message, end: made[message][1][:end],
            )
            told = list(zip(*columns, strict=True))
            if not told:
                otherwise.add(left.pop(0).id)
                continue
            for one, (size, date, of_header) in zip(left, told, strict=False):
                form, octets = made[one.id]
                halves = listed.halves(octets[: form.header_end], form.fields)
                header = halves if Fact.HEADER in asked else form.envelope
                if (size, date, of_header) != (form.size, one.date, header):
                    otherwise.add(one.id)
            left = left[len(told) :]
    return otherwise


def _mend(connection: sa.Connection, message: MessageId, whole: bytes, *, form_too: bool) -> None:
    """Make the keys of *message* anew, and its form if *form_too*."""
    form = prepare(whole)
    if form_too:
        connection.exec_driver_sql("DELETE FROM form WHERE message = ?", (message,))
        connection.exec_driver_sql(form_row.INSERT, form_row.to_row(message, form, whole))
    for table in ("header_key", "header_text"):
        connection.exec_driver_sql(f"DELETE FROM {table} WHERE message = ?", (message,))  # noqa: S608  # literals
    header_key.insert(connection, [(message, header_keys(whole, form))])
