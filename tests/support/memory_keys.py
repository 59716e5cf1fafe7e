"""What stands in memory for the keys of headers: computed anew for each question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mx_core.mime.header_keys import header_keys
from mx_core.model.header_keys import (
    UNPREPARED,
    HeaderKeys,
    Hits,
    OrderNumber,
    OrderText,
    TextField,
    ThreadTable,
    thread_table,
)
from mx_core.model.ids import MessageId

if TYPE_CHECKING:
    from tests.support.memory_mail import MemoryMail


class Keys:
    """See ``keys_port.KeysReader``."""

    def __init__(self, mail: MemoryMail) -> None:
        self._mail = mail

    def holding(self, text: TextField, wanted: str, messages: Sequence[MessageId]) -> Hits:
        found = {m: self._keys(m).texts[list(TextField).index(text)] for m in messages}
        octets = wanted.encode()
        open_ = {m for m, held in found.items() if held == UNPREPARED}
        return Hits({m for m, held in found.items() if held and octets in held} - open_, open_)

    def order_texts(self, text: OrderText, messages: Sequence[MessageId]) -> list[bytes]:
        return [self._keys(m).orders[list(OrderText).index(text)] for m in messages]

    def order_numbers(self, number: OrderNumber, messages: Sequence[MessageId]) -> list[int]:
        return [self._number(number, message) for message in messages]

    def within(self, number: OrderNumber, messages: Sequence[MessageId], holds: range) -> bytes:
        return bytes(self._number(number, message) in holds for message in messages)

    def _number(self, number: OrderNumber, message: MessageId) -> int:
        (_, form, arrived), keys = self._mail.kept(message), self._keys(message)
        match number:
            case OrderNumber.SIZE:
                return form.size
            case OrderNumber.ARRIVED:
                return arrived
            case OrderNumber.SENT:
                return arrived if keys.sent is None else keys.sent
            case OrderNumber.SENT_DAY:
                return keys.sent_day

    def thread_keys(self, messages: Sequence[MessageId]) -> ThreadTable:
        table = thread_table(self._keys(message).thread for message in messages)
        return replace(table, judged=True)

    def doubtful_ids(self) -> AbstractSet[int]:
        counted = Counter(self._keys(each).thread.id for each in self._mail.messages)
        return {id_ for id_, many in counted.items() if many > 1}

    def _keys(self, message: MessageId) -> HeaderKeys:
        octets, form, _ = self._mail.kept(message)
        return header_keys(octets, form)
