"""Our server and Dovecot, asked the same; the first answer that differs after the rules ends it."""

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from bench.side_by_side import servers
from tests.differential.commands import FOLDER, Step, Story
from tests.differential.rules import Normaliser
from tests.differential.talk import Answer, Closed, Data, Talk

LENGTH = 12  # random commands of one story
UNSURE = "Dovecot answered otherwise on a new connection"
DIED = "Dovecot ended the connection on THREAD"
# The cache of Dovecot 2.3 forgets header fields when two sessions fill it at once.
NO_CACHE = "mail_cache_min_mail_count = 1000000\n"
EXTENSIONS = frozenset({"SORT", "ESEARCH"})
_PLACE = re.compile(rb"\{(?:modseq|next|validity):[^{}]*(?:\{folder\})?\}")


@dataclass
class Difference(Exception):
    """Two answers to one command; one may be that the connection ended."""

    seed: int
    step: Step
    ours: Answer
    theirs: Answer

    @override
    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.step.command!r}\n ours   {self.ours}\n theirs {self.theirs}"
        )


class OurDoor(servers.Own):
    """Our IMAP door; *module* may be one with a bug."""

    def __init__(self, folder: Path, module: str = "tests.differential.folder_door") -> None:
        super().__init__(folder)
        self._module = module
        self._ends = contextlib.ExitStack()

    @override
    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ends.callback(self._process.stdout.close)  # type: ignore[union-attr]  # a pipe
        self._ends.callback(self._process.stdin.close)  # type: ignore[union-attr]  # a pipe
        port, self.password = self._said().split()
        self.port = int(port)

    @override
    def stop(self) -> None:
        super().stop()
        self._ends.close()

    def make_folder(self, name: str, rule: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name} {rule}\n")
        self._process.stdin.flush()
        assert self._said() == "made\n"

    def _said(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Side:
    """One server in one story: its two connections, and what it said of its mailboxes."""

    def __init__(self, server: servers.Own | servers.Dovecot, folder: str) -> None:
        self.talks = [Talk(server.port, server.user, server.password) for _ in range(2)]
        self._folder = folder.encode()
        self._said: dict[bytes, bytes] = {}

    def ask(self, step: Step) -> Answer:
        answer = self.talks[step.session].ask(self.filled(step.command), *step.literals)
        if step.command.startswith(b"STATUS"):
            name = step.command.split(b'"')[1]
            for data in answer.data:
                self._note(name, data)
        return answer

    def filled(self, command: bytes) -> bytes:
        return _PLACE.sub(lambda found: self._said[found[0]], command).replace(
            FOLDER.encode(), self._folder
        )

    def close(self) -> None:
        for talk in self.talks:
            talk.close()

    def _note(self, name: bytes, data: Data) -> None:
        pairs = data.values[-1]
        if data.kind != "STATUS" or not isinstance(pairs, list):
            return
        told = dict(zip(map(str, pairs[::2]), pairs[1::2], strict=True))
        modseq, validity = told.get("HIGHESTMODSEQ"), told.get("UIDVALIDITY")
        if isinstance(modseq, int) and isinstance(validity, int):
            said = {b"modseq": modseq, b"next": modseq + 1, b"validity": validity}
            self._said |= {b"{%b:%b}" % (word, name): b"%d" % n for word, n in said.items()}


@contextlib.contextmanager
def two_servers(folder: Path, *doors: str) -> Iterator[tuple[OurDoor, servers.Dovecot]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ours, theirs = OurDoor(folder, *doors), servers.Dovecot(folder, port=port, settings=NO_CACHE)
    try:
        theirs.start()
        ours.start()
        yield ours, theirs
    finally:
        ours.stop()
        theirs.stop()


def tell(
    seed: int, ours: OurDoor, theirs: servers.Dovecot, rules: Normaliser, length: int = LENGTH
) -> int:
    """Play one story on both; return how many commands were compared.

    Raises:
        Difference: Two answers differ after the rules.
    """
    story = Story(seed, EXTENSIONS)
    shown = f"f{seed}"
    if story.of_folder:
        ours.make_folder(shown, story.rule)
    sides = [Side(ours, shown), Side(theirs, story.names[0])]
    count = 0
    opened = [b"", b""]
    try:
        for step in story.steps(length):
            mine = sides[0].ask(step)
            try:
                peer = sides[1].ask(step)
            except Closed:
                if b"THREAD" not in step.command:
                    raise Difference(seed, step, mine, Answer("CLOSED", "", ())) from None
                rules.fired[DIED] += 1  # a known fault of Dovecot 2.3; the story ends here
                return count
            mine, peer = rules.normal(step.command, mine), rules.normal(step.command, peer)
            if step.command.startswith((b"SELECT", b"EXAMINE")):
                opened[step.session] = b'"%b"' % step.command.split(b'"')[1]
            if not rules.agree(step.command, mine, peer):
                if _asked_again(step, theirs, sides[1], opened[step.session], rules) == mine:
                    rules.fired[UNSURE] += 1
                    continue
                raise Difference(seed, step, mine, peer)
            count += 1
    finally:
        if story.of_folder:
            sides[0].talks[0].ask(f'DELETE "{shown}"'.encode())
        for side in sides:
            side.close()
    return count


def _asked_again(
    step: Step, theirs: servers.Dovecot, side: Side, mailbox: bytes, rules: Normaliser
) -> Answer | None:
    """Return the peer's answer on a new connection, to a question that changes nothing.

    Dovecot 2.3 sorts and searches by what an older connection remembers of a mailbox, and is
    sometimes wrong: a witness that contradicts itself proves nothing.
    """
    if not step.command.startswith((b"UID SORT", b"UID SEARCH", b"UID THREAD")):
        return None
    talk = Talk(theirs.port, theirs.user, theirs.password)
    try:
        talk.ask(b"EXAMINE " + side.filled(mailbox))
        again = rules.normal(step.command, talk.ask(side.filled(step.command)))
    finally:
        talk.close()
    return again
