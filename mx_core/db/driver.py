"""Connections to one SQLite file, plain or SQLCipher, by its driver and with the measured settings.

It knows pragmas and drivers, nothing of tables.  Invariants: a reader opens ``mode=ro``;
``synchronous=FULL``, so a commit that returned survives a power cut; nothing spills to a
temporary file, which would be clear text.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from mx_core.model.errors import StoreDamaged
from mx_core.model.secret import Secret

KEY_OCTETS: Final = 32
# Of a home server's database.  A row of mail lies in pages that few others share, and is written as whole pages
# to the log and again to the database: docs/decisions/0049-what-two-home-servers-write-and-wait-for.md.
PAGE_OCTETS: Final = 4_096
# Of a database under a key.  A lone commit writes as many pages whether they are long or short, and seals,
# sums and syncs their octets: docs/decisions/0028-pages-of-8-kib.md.
SEALED_PAGE_OCTETS: Final = 8_192
_SEALED_BEFORE: Final = 16_384  # in databases that were made before that was decided
_CACHE_KIB: Final = 16_384
_PLAIN_READER_CACHE_KIB: Final = (
    2_048  # the system keeps the same pages, and need not decipher them
)
_BUSY_MILLISECONDS: Final = 2_000
# More than any connection runs.  SQLCipher's driver keeps those used most: once so many have been run, by
# a migration say, each that is new puts out the last one, and all are prepared again and again.
_STATEMENTS_KEPT: Final = 1_000

Mode = Literal["ro", "rw", "rwc"]  # as SQLite names it; rwc: whoever writes, and makes the file


def module_of(key: Secret[bytes] | None) -> Any:
    """Return the DBAPI module for a file under *key*."""
    if key is None:
        return sqlite3
    from sqlcipher3 import dbapi2  # noqa: PLC0415  # 5 MB that a home server does not need

    return dbapi2


def connect(path: Path, key: Secret[bytes] | None, mode: Mode) -> Any:
    """Return an open connection to *path* that has been prepared, for one thread at a time.

    Whoever uses it begins and ends transactions.  Raises the driver's errors.

    Which pages a sealed database has stands in none that could be read, so they are tried.  Pages of
    another length do not open, and a log of such pages is left as it is.
    """
    driver = module_of(key)
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    lengths = [PAGE_OCTETS] if key is None else [SEALED_PAGE_OCTETS, _SEALED_BEFORE]
    while True:
        connection = driver.connect(
            address,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS_KEPT,
        )
        try:
            _prepare(connection, key, lengths.pop(0), writes=mode == "rwc")
        except driver.DatabaseError as error:
            connection.close()
            if not lengths or error.sqlite_errorcode != driver.SQLITE_NOTADB:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _prepare(connection: Any, key: Secret[bytes] | None, pages: int, *, writes: bool) -> None:
    """Issue the pragmas; the order matters, and a missing cipher pragma looks like damage."""
    if key is not None:
        # A raw key costs 0.6 ms to open; a passphrase would cost 126 ms for each connection.
        connection.execute(f"PRAGMA key = \"x'{key.reveal().hex()}'\"")
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA cipher_page_size = {pages}")
        connection.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    elif writes:
        connection.execute(f"PRAGMA page_size = {pages}")
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cache = _CACHE_KIB if writes or key is not None else _PLAIN_READER_CACHE_KIB
    connection.execute(f"PRAGMA cache_size = -{cache}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a wrong key fails here
    if writes:
        # The pragma does not fail, it answers with the mode that holds.  In the other modes a
        # commit is undone by a cut before the folder is synced, and nothing syncs it.
        [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreDamaged("the disk did not take the database's write-ahead log")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # checkpoints are the writer's
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")


def copy_rows(
    path: Path,
    key: Secret[bytes],
    to: Path,
    to_key: Secret[bytes],
    left_out: Mapping[str, str],
) -> None:
    """Write the rows of the database *path*, as of one moment, into a new one at *to*.

    *left_out*: for a table, which of its rows stay behind (SQL, of ours).  They are never read,
    and what was deleted is in no page of the copy.  Blocks; others read and write meanwhile.
    """
    with contextlib.closing(connect(path, key, "rw")) as source:
        source.execute(
            "ATTACH DATABASE ? AS copy KEY ?", (str(to.absolute()), f"x'{to_key.reveal().hex()}'")
        )
        source.execute(f"PRAGMA copy.cipher_page_size = {SEALED_PAGE_OCTETS}")
        source.execute("PRAGMA copy.cipher_hmac_algorithm = HMAC_SHA256")
        source.execute("PRAGMA copy.synchronous = FULL")
        source.execute("BEGIN")
        made = source.execute(
            "SELECT type, name, sql FROM main.sqlite_master"
            " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        ).fetchall()
        tables = [(name, sql) for kind, name, sql in made if kind == "table"]
        for _, sql in tables:
            source.execute(_in_copy(sql))
        for name, _ in tables:
            chosen = f" WHERE NOT ({left_out[name]})" if name in left_out else ""
            source.execute(f'INSERT INTO copy."{name}" SELECT * FROM main."{name}"{chosen}')  # noqa: S608  # names of ours
        source.execute("DELETE FROM copy.sqlite_sequence")
        source.execute("INSERT INTO copy.sqlite_sequence SELECT * FROM main.sqlite_sequence")
        for kind, _, sql in made:
            if kind == "index":
                source.execute(_in_copy(sql))
        source.execute("COMMIT")


def _in_copy(sql: str) -> str:
    """Return the statement that made a table or an index, for the copy."""
    kind = next(k for k in ("TABLE", "UNIQUE INDEX", "INDEX") if sql.startswith(f"CREATE {k} "))
    return f"CREATE {kind} copy.{sql.removeprefix(f'CREATE {kind} ')}"
