"""One import in a process of its own: on the gateway's loop, measured from inside.

``python -m bench.bringing.process FOLDER LOCATION CA_FILE PASSWORD`` prints what it used as one line of JSON.
"""

import asyncio
import json
import re
import resource
import sys
import time
from pathlib import Path

from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.model.secret import Secret
from mx_core.program import event_loop
from mx_core.store.account_store import AccountStore

_MIB = 1024 * 1024


async def brought(folder: Path, location: str, ca_file: str, password: str) -> dict[str, float]:
    store = AccountStore.open(folder, Secret(bytes(range(32))), time.time)
    store.text_index.start()
    importing = Importing(store, open_source, time.time)
    phases: dict[str, float] = {}
    beside = 0.0
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(importing.run())
            await importing.begin(Asked(location, secret=password, ca_file=ca_file), dry_run=False)
            while (state := await importing.state())["phase"] != "idle":
                phases.setdefault(state["phase"], time.monotonic())
                beside = max(beside, _of_worker(store))
                await asyncio.sleep(0.1)
            ends = time.monotonic()
            running.cancel()
        spent = resource.getrusage(resource.RUSAGE_SELF)
        while (await store.text_index.state()).waiting:  # noqa: ASYNC110  # it has no event to wait for
            await asyncio.sleep(0.1)
        followed = time.monotonic() - ends
        report = state["imports"][0]["report"]
        store.text_index.close()
        worker = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "holds": report["holds"],
            "stored": report["progress"]["stored"],
            "seconds": phases["proving"] - phases["bringing"],
            "processor": spent.ru_utime + spent.ru_stime,
            "resident": _most_memory("self"),
            "proof": ends - phases["proving"],
            "index": followed,
            "worker": worker.ru_utime + worker.ru_stime,
            "beside": beside,
        }
    finally:
        store.close()


def _of_worker(store: AccountStore) -> float:
    """Return the most memory that the index's worker has had, in MB; 0 while there is none."""
    worker = store.text_index._worker  # noqa: SLF001  # measured, not used
    if worker is None:
        return 0.0
    try:
        return _most_memory(str(worker._process.pid))  # noqa: SLF001  # as above
    except OSError:  # it has ended meanwhile
        return 0.0


def _most_memory(process: str) -> float:
    """Return it in MB.

    What getrusage says begins with the memory of the process that started it.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 / _MIB if found else 0.0


if __name__ == "__main__":
    with event_loop.runner() as runner:
        print(json.dumps(runner.run(brought(Path(sys.argv[1]), *sys.argv[2:]))))
