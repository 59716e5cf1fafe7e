"""Numbers for a monitor, in Prometheus' text format 0.0.4; on loopback, and off unless configured.

No domain, no address and no id is a label: what a home server knows of people is not a metric.
What is counted in rows is read from them when somebody asks, so several processes over one database
say the same and a restart forgets nothing; calls are counted in this process.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mx_core.db.transactions import Transactions
from mx_core.homeserver.operating.calls import Calls
from mx_core.homeserver.schema import BLOB, MAILBOX, OUTGOING
from mx_core.model.errors import Unavailable

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """One family: its values by the text of their labels."""

    name: str
    kind: str  # counter or gauge
    help: str
    values: dict[str, float]


def metrics_app(
    database: Transactions, calls: Calls, certificate_ends: Callable[[], float]
) -> Starlette:
    """Return the app with its one page."""

    async def page(_: Request) -> PlainTextResponse:
        try:
            rows = await database.read(_of_rows)
        except Unavailable:
            rows = []  # what is left says that it lives; mx_home_database_answers says the rest
        own = [
            _one("mx_home_database_answers", "gauge", "1 if the rows could be read.", bool(rows)),
            _one(
                "mx_home_certificate_expires_seconds",
                "gauge",
                "When the certificate that is shown now ends, unix seconds.",
                certificate_ends(),
            ),
            _one("mx_home_streams", "gauge", "Streams that are open.", calls.open_streams),
            Metric(
                "mx_home_calls_total",
                "counter",
                "Calls that have ended, by method and status.",
                {
                    f'{{method="{method}",status="{status}"}}': count
                    for (method, status), count in sorted(calls.counted.items())
                },
            ),
        ]
        return PlainTextResponse(rendered([*rows, *own, *_of_process()]), media_type=_TYPE)

    return Starlette(routes=[Route("/metrics", page)])


def rendered(metrics: Iterable[Metric]) -> str:
    """Return the page."""
    lines: list[str] = []
    for name, kind, about, values in metrics:
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{labels} {value:.17g}" for labels, value in values.items()]
    return "\n".join(lines) + "\n"


def _of_rows(tx: sa.Connection) -> list[Metric]:
    def asked(*columns: Any) -> tuple[float, ...]:
        return tuple(float(value or 0) for value in tx.execute(sa.select(*columns)).one())

    people, given, held = asked(
        sa.func.count(),
        sa.func.sum(MAILBOX.c.next_sequence - 1),
        sa.func.sum(MAILBOX.c.held_octets),
    )
    leaving, first, destinations = asked(
        sa.func.count(OUTGOING.c.env_id),
        sa.func.min(OUTGOING.c.submitted),
        sa.func.count(OUTGOING.c.destination.distinct()),
    )
    blobs, octets = asked(sa.func.count(BLOB.c.blob_id), sa.func.sum(BLOB.c.size))
    age = max(0.0, time.time() - first) if leaving else 0.0
    return [
        _one("mx_home_people", "gauge", "Mailboxes.", people),
        _one("mx_home_deliveries_total", "counter", "Rows ever put into mailboxes.", given),
        _one("mx_home_held_octets", "gauge", "What waits for devices.", held),
        _one("mx_home_queue_items", "gauge", "What must still leave.", leaving),
        _one(
            "mx_home_queue_destinations", "gauge", "Domains that something waits for.", destinations
        ),
        _one("mx_home_queue_oldest_seconds", "gauge", "The age of the oldest of it.", age),
        _one("mx_home_blobs", "gauge", "Large bodies.", blobs),
        _one("mx_home_blob_octets", "gauge", "What they weigh.", octets),
    ]


def _of_process() -> Iterator[Metric]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    yield _one(
        "process_cpu_seconds_total", "counter", "Processor used.", used.ru_utime + used.ru_stime
    )
    yield _one(
        "process_resident_memory_bytes", "gauge", "Memory.", pages * os.sysconf("SC_PAGESIZE")
    )
    yield _one(
        "process_open_fds", "gauge", "Descriptors.", sum(1 for _ in Path("/proc/self/fd").iterdir())
    )


def _one(name: str, kind: str, about: str, value: float) -> Metric:
    return Metric(name, kind, about, {"": float(value)})
