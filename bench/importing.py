"""An account of Dovecot imported: messages and megabytes a second, memory, and the index behind it.

10,000 messages of 50 KB on the average by default; ``MX_BENCH_IMPORT=100000`` is the full form (5 GB;
needs 12 GB below /var/tmp).  As in mailboxes most octets are attachments; ``MX_BENCH_IMPORT_OF=words`` takes
messages that are words alone.  What imports is a process of its own, so its processor time and memory are its
own; Dovecot and its Maildir are of Debian, and need root.  A rate by the clock holds on an idle machine only:
beside it stands what one core would do.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Row
from gateway.legacy.client import Server
from tests.support.dovecot import PASSWORD, dovecot
from tests.support.mail_of_years import fill, of_words, with_attachments

SIZE = int(os.environ.get("MX_BENCH_IMPORT", "10000"))
LETTERS = (
    of_words(550) if os.environ.get("MX_BENCH_IMPORT_OF") == "words" else with_attachments(110_000)
)


def measure() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mx-import-", dir="/var/tmp"))
    folder.chmod(0o755)  # Dovecot's users walk through
    try:
        with dovecot(folder) as server:
            octets = fill(folder / "mail" / "alice", SIZE, LETTERS)
            before = processor()
            found = run(folder / "account", server)
            imported = processor() - before
            before = processor()
        served = processor() - before  # of a child it is known when it has ended
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert (found["holds"], found["stored"]) == (True, SIZE), found
    worker = found["worker"] * 1e3 / SIZE
    return [
        _higher("messages a second", "1/s", SIZE / found["seconds"], 400, 1_500),
        _higher("octets a second", "MB/s", octets / 1e6 / found["seconds"], 15),
        _higher("messages a second of processor time", "1/s", SIZE / found["processor"], None),
        Row("processor of all of it, a message", "ms", "lower", imported * 1e3 / SIZE, SIZE),
        Row("processor of the index's worker, a message", "ms", "lower", worker, SIZE),
        Row("processor of Dovecot, a message", "ms", "lower", served * 1e3 / SIZE, SIZE),
        Row("memory of the process, at most", "MB", "lower", found["resident"], 1, None, 250),
        Row("memory of the index's worker, at most", "MB", "lower", found["beside"], 1),
        Row("proof of all of it", "s", "lower", found["proof"], 1),
        Row("index behind at the end of the import", "s", "lower", found["index"], 1),
    ]


def _higher(
    name: str, unit: str, ours: float, floor: float | None, goal: float | None = None
) -> Row:
    return Row(name, unit, "higher", ours, SIZE, None, floor, goal)


def processor() -> float:
    """Return the seconds that processes which have ended used for us."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder: Path, server: Server) -> dict[str, float]:
    """Import in a process of its own; return what it says of itself."""
    asked = [str(folder), server.location, server.ca_file, PASSWORD]
    done = subprocess.run(
        [sys.executable, "-m", "bench.bringing.process", *asked],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told
