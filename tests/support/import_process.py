"""One import in a process of its own, which others kill: begun, or gone on with, until it is proved.

``python -m tests.support.import_process FOLDER LOCATION PASSWORD CA_FILE`` prints what it was as one
line of JSON.  The index follows, as in a gateway.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from gateway.migration import importing as module
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from tests.support.stores import open_store

_LOOK_SECONDS = 0.1


async def brought(folder: Path, location: str, password: str, ca_file: str) -> dict[str, Any]:
    """Return *holds* of the proof, and *resident*: the most memory in MB."""
    store = open_store(folder)
    store.text_index.start()
    importing = Importing(store, open_source, store.mail.now)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(importing.run())
            if not await store.imports.all():
                asked = Asked(location, secret=password, ca_file=ca_file)
                await importing.begin(asked, dry_run=False)
            while (one := (await importing.state())["imports"][0])["state"] == "running":
                await asyncio.sleep(_LOOK_SECONDS)
            running.cancel()
        assert one["state"] == "done", one
        while (await store.text_index.state()).waiting:  # it has no event
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        store.close()
    return {"holds": one["report"]["holds"], "resident": _most_memory()}


def _most_memory() -> int:
    """Return it in MB; what getrusage says begins with the memory of who started the process."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


if __name__ == "__main__":
    for rest in ("_FIRST_REST_SECONDS", "_LONGEST_REST_SECONDS"):
        setattr(module, rest, 0.1)  # lines are cut
    print(json.dumps(asyncio.run(brought(Path(sys.argv[1]), *sys.argv[2:]))))
