"""Random sequences of commands for two sessions, the same for the same seed.

``{modseq:NAME}``, ``{next:NAME}`` (one more) and ``{validity:NAME}`` stand for what each server last
said of a mailbox, and ``{folder}`` for its mailbox that shows the mail of the first: with us a folder with a rule.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

FOLDER = "{folder}"

_FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$Kw", "Other")
_WORDS = ("apple", "banana", "cherry", "damson")
_MONTHS = ("Jan", "Feb", "Mar")


# Dovecot 2.3 joins two of these into one, and wrongly where an OR is negated
_BOUNDS = ("SINCE", "BEFORE", "ON ", "LARGER")


@dataclass(frozen=True)
class Step:
    """One command of session 0 or 1."""

    session: int
    command: bytes
    literals: tuple[bytes, ...] = ()


@dataclass
class Story:
    """Every fifth is of a folder: the first session looks at it, the second at its mail."""

    seed: int
    extensions: frozenset[str]
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.of_folder = self.seed % 5 == 4
        self.names = [f"s{self.seed}"] if self.of_folder else [f"s{self.seed}", f"s{self.seed}/b"]
        self.rule = f'HEADER Message-ID "<{self.seed}."'
        self._serial = 0
        self._read_only = [False, False]  # of each session
        self._opened = ["", ""]
        self._resyncs = [False, False]  # with QRESYNC
        self._remembered: set[str] = set()

    def steps(self, length: int) -> Iterator[Step]:
        for session in (0, 1):  # from the start, for Dovecot counts modseqs from then on
            self._resyncs[session] = self.chance.random() < 0.5
            word = "QRESYNC" if self._resyncs[session] else "CONDSTORE"
            yield Step(session, f"ENABLE {word}".encode())
        for name in self.names:
            yield Step(0, f'CREATE "{name}"'.encode())
        looked_at = [FOLDER if self.of_folder else self.names[0], self.names[0]]
        for name in dict.fromkeys(looked_at):
            yield self._remember(0, name)
        for _ in range(self.chance.randrange(2, 7)):
            yield self._append(0, self.names[0])
        for session in (0, 1):
            self._opened[session] = looked_at[session]
            yield Step(session, f'SELECT "{looked_at[session]}"'.encode())
        for _ in range(length):
            session = self.chance.randrange(2)
            yield Step(session, b"NOOP")  # numbers mean the same on both from here
            yield self._command(session)
        yield from self._end()

    def _end(self) -> Iterator[Step]:
        for session in (0, 1):
            yield Step(session, b"NOOP")
            yield Step(session, b"UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)")
            yield Step(session, b"CLOSE")
        for name in self.names:
            yield Step(0, f'STATUS "{name}" (MESSAGES UNSEEN UIDNEXT)'.encode())
        if not self.of_folder:
            yield Step(0, f'LIST "" "s{self.seed}*"'.encode())
        for name in reversed(self.names):
            yield Step(0, f'DELETE "{name}"'.encode())

    def _command(self, session: int) -> Step:
        name = self._opened[session]
        if self.chance.random() < 0.25:
            return self._about_changes(session, name)
        kinds = [
            self._fetch, self._fetch, self._store, self._store, self._search, self._search,
            self._expunge,
        ]  # fmt: skip
        if not self.of_folder:
            kinds += [self._copy, self._mailboxes, self._select]
        if "SORT" in self.extensions:
            kinds += [self._sort, self._thread]
        if "ESEARCH" in self.extensions:
            kinds.append(self._esearch)
        chosen = self.chance.choice(kinds)
        if self.chance.random() < 0.15:
            return self._append(session, self.chance.choice(self.names))
        text = chosen()
        if text.startswith(("SELECT", "EXAMINE")):
            self._read_only[session] = text.startswith("EXAMINE")
            self._opened[session] = text.split('"')[1]
        if self._read_only[session]:  # Dovecot copies what it may not move
            text = text.replace("MOVE", "COPY")
        return Step(session, text.encode())

    def _remember(self, session: int, name: str) -> Step:
        self._remembered.add(name)
        return Step(session, f'STATUS "{name}" (UIDVALIDITY HIGHESTMODSEQ MESSAGES)'.encode())

    def _about_changes(self, session: int, name: str) -> Step:
        """Return a command of RFC 7162."""
        if name.endswith("missing") or not name:
            return Step(session, b"NOOP")
        if name not in self._remembered or self.chance.random() < 0.2:
            return self._remember(session, name)
        since, flags = f"{{modseq:{name}}}", " ".join(self._flags())
        vanished = self._resyncs[session] and self.chance.random() < 0.7
        # whether * reaches what vanished above the last message is each server's
        asked = self._uids().replace("*", "50")
        texts = [
            f"UID FETCH {asked} (UID FLAGS) (CHANGEDSINCE {since}{' VANISHED' * vanished})",
            f"UID FETCH {asked} (UID FLAGS) (CHANGEDSINCE {since}{' VANISHED' * vanished})",
            f"UID FETCH {self._uids()} (UID MODSEQ)",
            f"UID SEARCH MODSEQ {{next:{name}}}",  # what changed after; at it, servers differ
        ]
        if not self._read_only[session]:
            sign = self.chance.choice(("", "+", "-"))
            texts += [
                f"UID STORE {self._uids()} (UNCHANGEDSINCE {since}) {sign}FLAGS ({flags})"
            ] * 2
        if self._resyncs[session]:
            known = self.chance.choice(("", " 1:50", f" {self.chance.randrange(1, 6)}:9"))
            texts.append(f'SELECT "{name}" (QRESYNC ({{validity:{name}}} {since}{known}))')
        text = self.chance.choice(texts)
        if text.startswith("SELECT"):
            self._read_only[session] = False
        return Step(session, text.encode())

    def _append(self, session: int, name: str) -> Step:
        self._serial += 1
        word = self.chance.choice(_WORDS)
        day = self.chance.randrange(1, 28)
        month = self.chance.choice(_MONTHS)
        octets = (
            f"From: {word} <{word}@a.example>\r\nTo: b@b.example\r\n"
            f"Subject: {self.chance.choice(('', 'Re: '))}{word} {self.seed}\r\n"
            f"Date: {day} {month} 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{self.seed}.{self._serial}@a.example>\r\n"
            f"References: {self._references()}\r\n\r\n"
            f"{word} {self.chance.choice(_WORDS)}\r\n"
        ).encode()
        flags = " ".join(self._flags())
        date = f"{day:2d}-{month}-2026 10:00:0{self._serial % 10} +0000"
        return Step(session, f'APPEND "{name}" ({flags}) "{date}" %s'.encode(), (octets,))

    def _references(self) -> str:
        chosen = self.chance.sample(range(1, 9), self.chance.randrange(3))
        return " ".join(f"<{self.seed}.{number}@a.example>" for number in chosen)

    def _flags(self) -> list[str]:
        return self.chance.sample(_FLAGS, self.chance.randrange(3))

    def _uids(self) -> str:
        pick = self.chance.randrange
        return self.chance.choice(
            (
                "1:*",
                "*",
                f"{pick(1, 9)}",
                f"{pick(1, 5)}:{pick(5, 12)}",
                f"{pick(1, 4)},{pick(5, 9)}",
            )
        )

    def _fetch(self) -> str:
        items = self.chance.choice(
            (
                "(UID FLAGS INTERNALDATE)", "(UID RFC822.SIZE ENVELOPE)", "(UID BODYSTRUCTURE)",
                "(UID BODY)", "(UID BODY.PEEK[])", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)])",
                "(UID BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT DATE)])", "(UID BODY.PEEK[TEXT]<3.9>)",
                "(UID BODY.PEEK[1])", "(UID RFC822.HEADER)", "(UID BODY[TEXT])",
            )
        )  # fmt: skip
        return f"UID FETCH {self._uids()} {items}"

    def _store(self) -> str:
        sign = self.chance.choice(("", "+", "-"))
        silent = self.chance.choice(("", ".SILENT"))
        return f"UID STORE {self._uids()} {sign}FLAGS{silent} ({' '.join(self._flags())})"

    def _copy(self) -> str:
        verb = self.chance.choice(("COPY", "MOVE"))
        target = self.chance.choice((*self.names, f"s{self.seed}/missing"))
        return f'UID {verb} {self._uids()} "{target}"'

    def _expunge(self) -> str:
        return self.chance.choice(("EXPUNGE", f"UID EXPUNGE {self._uids()}"))

    def _select(self) -> str:
        name = self.chance.choice((*self.names, f"s{self.seed}/missing"))
        return f'{self.chance.choice(("SELECT", "SELECT", "EXAMINE"))} "{name}"'

    def _mailboxes(self) -> str:
        name = self.chance.choice((*self.names, f"s{self.seed}/missing"))
        return self.chance.choice(
            (
                f'STATUS "{name}" (MESSAGES UNSEEN UIDNEXT)', f'LIST "" "s{self.seed}*"',
                f'LIST "s{self.seed}/" "%"', f'SUBSCRIBE "{self.names[0]}"',
                f'LSUB "" "s{self.seed}*"', f'UNSUBSCRIBE "{self.names[0]}"',
                f'CREATE "{self.names[0]}"', f'DELETE "s{self.seed}/missing"',
            )
        )  # fmt: skip

    def _key(self, depth: int = 2) -> str:
        word = self.chance.choice(_WORDS)
        day = f"{self.chance.randrange(1, 28)}-{self.chance.choice(_MONTHS)}-2026"
        simple = (
            "ALL", "SEEN", "UNSEEN", "FLAGGED", "DELETED", "ANSWERED", "KEYWORD $Kw", "UNKEYWORD Other",
            f"SUBJECT {word}", f"FROM {word}", f"BODY {word}", f"TEXT {word}", f"SINCE {day}",
            f"BEFORE {day}", f"ON {day}", f"SENTSINCE {day}", f"UID {self._uids()}",
            f"LARGER {self.chance.randrange(150, 260)}", f'HEADER Message-ID "{self.seed}."',
        )  # fmt: skip
        if depth == 0 or self.chance.random() < 0.5:
            return self.chance.choice(simple)
        one, other = self._key(depth - 1), self._key(depth - 1)
        if any(word in one and word in other for word in _BOUNDS):
            return one
        return self.chance.choice((f"NOT {one}", f"OR {one} {other}", f"({one} {other})"))

    def _search(self) -> str:
        return f"UID SEARCH {self._key()}"

    def _esearch(self) -> str:
        returns = self.chance.choice(("MIN", "MAX COUNT", "ALL", "COUNT", "MIN MAX"))
        return f"UID SEARCH RETURN ({returns}) {self._key()}"

    def _thread(self) -> str:
        algorithm = self.chance.choice(("REFERENCES", "ORDEREDSUBJECT"))
        return f"UID THREAD {algorithm} UTF-8 {self._key()}"

    def _sort(self) -> str:
        keys = self.chance.choice(
            ("SUBJECT", "REVERSE DATE", "SIZE ARRIVAL", "FROM", "ARRIVAL", "REVERSE SUBJECT DATE")
        )
        return f"UID SORT ({keys}) UTF-8 {self._key()}"
