"""Devices of one account that write and take in journal rows, without stores behind them."""

from dataclasses import dataclass, field

from mx_core.store.journal.merge import Merge, Merged, MergedMailbox
from mx_core.store.journal.row import Op, PlaceName, Row


@dataclass
class Device:
    """Changes what it sees, as an account's store would; *known* is what it has taken in."""

    name: bytes
    known: list[Row] = field(default_factory=list)
    seq: int = 0
    hybrid: int = 0

    def take_in(self, rows: list[Row]) -> None:
        self.known += [row for row in rows if row not in self.known]
        self.hybrid = max([self.hybrid, *(row.hybrid for row in rows)])

    def view(self) -> Merged:
        return merged(self.known)

    def box(self, name: str) -> tuple[bytes, MergedMailbox]:
        for mailbox, box in self.view().mailboxes.items():
            if box.name == name:
                return mailbox, box
        raise KeyError(name)

    def make(self, name: str, special_use: str = "", *, rule: str = "") -> Row:
        ids: dict[int, object] = {0: name, 1: special_use}
        ids |= {2: rule} if rule else {}
        return self._write(Op.MADE, self._new_id(b"box"), ids)

    def rename(self, mailbox: bytes, name: str) -> Row:
        return self._write(Op.RENAMED, mailbox, {0: name})

    def remove(self, mailbox: bytes) -> Row:
        others = {row.device for row in self.known} - {self.name}
        listed = [[device, last] for device in sorted(others) if (last := self._whole(device))]
        return self._write(Op.REMOVED, mailbox, {0: listed} if listed else {})

    def add(self, mailbox: bytes, *flags: str) -> Row:
        message = self._new_id(b"msg")
        change = self._new_id(b"chg")
        ids = {0: [[change, 0, 0]], 1: [message], 2: [sorted(flags)], 3: [0], 4: 0}
        return self._write(Op.ADDED, mailbox, ids)

    def flag(self, mailbox: bytes, place: PlaceName, added: list[str], cleared: list[str]) -> Row:
        spans = [[place.change, place.at, place.at]]
        return self._write(Op.FLAGGED, mailbox, {0: [[spans, added, cleared]]})

    def expunge(self, mailbox: bytes, place: PlaceName) -> Row:
        return self._write(Op.EXPUNGED, mailbox, {0: [[place.change, place.at, place.at]]})

    def subscribe(self, name: str, *, subscribed: bool) -> Row:
        return self._write(Op.SUBSCRIBED, b"", {0: name, 1: subscribed})

    def _whole(self, device: bytes) -> int:
        """The row up to which all of *device* are known."""
        seqs = {row.device_seq for row in self.known if row.device == device}
        return next(seq for seq in range(len(seqs) + 1) if seq + 1 not in seqs)

    def _new_id(self, kind: bytes) -> bytes:
        return kind + self.name + b"%d" % (self.seq + 1)

    def _write(self, op: Op, mailbox: bytes, ids: dict[int, object]) -> Row:
        change = self._new_id(b"chg")
        self.seq += 1
        self.hybrid += 1
        row = Row(self.name, self.seq, self.hybrid, change, op, mailbox, ids)
        self.known.append(row)
        return row


def merged(rows: list[Row]) -> Merged:
    merge = Merge()
    merge.take(rows)
    return merge.result()
