"""What never changes about thousands of messages, read in as few pages and steps as it takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final

import sqlalchemy as sa

from mx_core.model.ids import MessageId
from mx_core.model.message import Fact, Facts

_OCTETS_MAX: Final = 1 << 20  # about, of one reading
_OF_MESSAGE: Final = {Fact.SIZE: "message.size", Fact.INTERNAL_DATE: "message.internal_date"}
_OF_FORM: Final = {
    Fact.SIZE: "form.size",
    Fact.ENVELOPE: "form.envelope",
    Fact.BODYSTRUCTURE: "form.bodystructure",
    Fact.BODY: "form.body",
    Fact.HEADER: "form.fields",
}
_WEIGHTS: Final = {
    Fact.HEADER: " + form.header_end + length(form.fields)",
    Fact.ENVELOPE: " + length(form.envelope)",
    Fact.BODYSTRUCTURE: " + length(form.bodystructure)",
    Fact.BODY: " + length(form.body)",
}

HeaderOf = Callable[[MessageId, int], bytes]  # the octets of a message up to an offset


def read(
    connection: sa.Connection,
    messages: Sequence[MessageId],
    asked: Sequence[Fact],
    header_of: HeaderOf,
) -> list[Facts]:
    """Return the facts of the first of *messages*: of as many as about 1 MiB holds.

    No fact is asked for twice.  Fewer, or none, where a message is no longer kept.
    """
    if not messages:
        return []
    run = messages[-1] - messages[0] == len(messages) - 1  # as good as always ascending ids
    chosen = (messages[0], messages[-1]) if run else (json.dumps(list(messages)),)
    result = connection.exec_driver_sql(_query(asked, run=run), chosen)
    rows: list[Any] = []
    left = _OCTETS_MAX
    with closing(result):  # a statement left half way would hold its transaction open
        driver: Any = result.cursor
        for message, row in zip(messages, driver, strict=False):
            if row[-1] != message:
                break
            rows.append(row)
            left -= row[-2]
            if left <= 0:
                break
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    told = columns[: len(asked)]
    if Fact.HEADER in asked:
        ends, headers = columns[len(asked) : len(asked) + 2]
        if None in headers:  # long, or older than the column
            found = zip(messages, ends, headers, strict=False)
            headers = tuple(header_of(m, e) if h is None else h for m, e, h in found)
        at = asked.index(Fact.HEADER)
        told[at] = tuple(zip(headers, told[at], strict=True))
    return list(zip(*told, strict=True))


def _query(asked: Sequence[Fact], *, run: bool) -> str:
    # the form alone, or the row of the message alone, if one of them knows all
    of_form = any(fact not in _OF_MESSAGE for fact in asked)
    of_message = not of_form or any(fact not in _OF_FORM for fact in asked)
    names = {**_OF_MESSAGE, **_OF_FORM} if of_form else _OF_MESSAGE
    columns = [names[fact] for fact in asked]
    if Fact.HEADER in asked:
        columns += ["form.header_end", "form.header"]
    weight = "64" + "".join(_WEIGHTS.get(fact, "") for fact in asked)
    id_ = "message.id" if of_message else "form.message"
    tables = "message" if of_message else "form"
    joined = " JOIN form ON form.message = message.id" if of_message and of_form else ""
    told = ", ".join([*columns, weight, id_])
    if run:
        return f"SELECT {told} FROM {tables}{joined} WHERE {id_} BETWEEN ? AND ? ORDER BY {id_}"  # noqa: S608  # literals
    return f"SELECT {told} FROM json_each(?) AS asked JOIN {tables} ON {id_} = asked.value{joined}"  # noqa: S608  # literals
