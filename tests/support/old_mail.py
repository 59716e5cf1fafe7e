"""Mail as other programs keep it, for the tests of import and export."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TypeAlias

from mx_core.store.account_store import AccountStore

Kept: TypeAlias = tuple[bytes, AbstractSet[str], int]  # octets, flags, date


def letter(number: int, *, body: str = "Hello\r\n", more: str = "") -> bytes:
    return (
        f"From: Alice <alice@a.example>\r\nTo: bob@b.example\r\nSubject: letter {number}\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:{number % 60:02d} +0000\r\n"
        f"Message-ID: <{number}@a.example>\r\n{more}\r\n{body}"
    ).encode()


def mbox(path: Path, letters: Sequence[bytes], line_end: bytes = b"\n") -> Path:
    """As mutt writes it: From lines, quoted text, an empty line behind each."""
    with path.open("wb") as file:
        for octets in letters:
            text = b"\n" + octets.replace(b"\r\n", b"\n")
            quoted = re.sub(rb"\n(>*From )", rb"\n>\1", text)
            lines = b"From alice@a.example Sat Nov 21 12:00:00 2026" + quoted + b"\n"
            file.write(lines.replace(b"\n", line_end))
    return path


def maildir(path: Path, letters: dict[str, bytes]) -> Path:
    """Files of ``cur`` by name."""
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True, exist_ok=True)
    for name, octets in letters.items():
        (path / "cur" / name).write_bytes(octets.replace(b"\r\n", b"\n"))
    return path


async def stored(store: AccountStore) -> dict[str, list[Kept]]:
    """Octets, flags and date of all that is in each mailbox that is not empty and has no rule."""
    found: dict[str, list[Kept]] = {}
    for box in await store.mail.read(lambda reader: reader.mailboxes()):
        if not box.messages or box.rule:
            continue
        view = await store.mail.read(lambda reader, box=box: reader.snapshot(box.id))  # type: ignore[misc]  # bound now
        ids = list(view.messages)
        dates = await store.mail.read(lambda reader, ids=ids: reader.sizes_and_dates(ids))  # type: ignore[misc]  # bound now
        found[box.name] = [
            (
                await store.mail.read(lambda reader, each=each: reader.octets(each)),  # type: ignore[misc]  # bound now
                frozenset(flags),
                date,
            )
            for each, flags, (_, date) in zip(ids, view.flags, dates, strict=True)
        ]
    return found
