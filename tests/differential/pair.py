"""Our server and Dovecot, asked the same; the first answer that differs after the rules ends it."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from bench.side_by_side import servers
from tests.differential.commands import Step, Story
from tests.differential.rules import Normaliser
from tests.differential.talk import Answer, Closed, Talk

LENGTH = 12  # random commands of one story
UNSURE = "Dovecot answered otherwise on a new connection"
DIED = "Dovecot ended the connection on THREAD"
# The cache of Dovecot 2.3 forgets header fields when two sessions fill it at once.
NO_CACHE = "mail_cache_min_mail_count = 1000000\n"
EXTENSIONS = frozenset({"SORT", "ESEARCH"})


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

    def __init__(self, folder: Path, module: str = "bench.side_by_side.own_door") -> None:
        super().__init__(folder)
        self._module = module

    @override
    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, self._folder], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        with self._process.stdout as told:
            port, self.password = told.readline().split()
        self.port = int(port)


@contextlib.contextmanager
def two_servers(folder: Path, *doors: str) -> Iterator[tuple[servers.Own, servers.Dovecot]]:
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
    seed: int, ours: servers.Own, theirs: servers.Dovecot, rules: Normaliser, length: int = LENGTH
) -> int:
    """Play one story on both; return how many commands were compared.

    Raises:
        Difference: Two answers differ after the rules.
    """
    sides = [
        [Talk(server.port, server.user, server.password) for _ in range(2)]
        for server in (ours, theirs)
    ]
    count = 0
    opened = [b"", b""]
    try:
        for step in Story(seed, EXTENSIONS).steps(length):
            mine = sides[0][step.session].ask(step.command, *step.literals)
            try:
                peer = sides[1][step.session].ask(step.command, *step.literals)
            except Closed:
                if b"THREAD" not in step.command:
                    raise Difference(seed, step, mine, Answer("CLOSED", "", ())) from None
                rules.fired[DIED] += 1  # a known fault of Dovecot 2.3; the story ends here
                return count
            mine, peer = rules.normal(step.command, mine), rules.normal(step.command, peer)
            if step.command.startswith((b"SELECT", b"EXAMINE")):
                opened[step.session] = step.command.partition(b" ")[2]
            if not rules.agree(step.command, mine, peer):
                if _asked_again(step, theirs, opened[step.session], rules) == mine:
                    rules.fired[UNSURE] += 1
                    continue
                raise Difference(seed, step, mine, peer)
            count += 1
    finally:
        for talk in (talk for side in sides for talk in side):
            talk.close()
    return count


def _asked_again(
    step: Step, theirs: servers.Dovecot, mailbox: bytes, rules: Normaliser
) -> Answer | None:
    """Return the peer's answer on a new connection, to a question that changes nothing.

    Dovecot 2.3 sorts and searches by what an older connection remembers of a mailbox, and is
    sometimes wrong: a witness that contradicts itself proves nothing.
    """
    if not step.command.startswith((b"UID SORT", b"UID SEARCH", b"UID THREAD")):
        return None
    talk = Talk(theirs.port, theirs.user, theirs.password)
    try:
        talk.ask(b"EXAMINE " + mailbox)
        again = rules.normal(step.command, talk.ask(step.command))
    finally:
        talk.close()
    return again
