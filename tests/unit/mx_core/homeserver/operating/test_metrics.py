"""Numbers for a monitor: a page that Prometheus reads, and nothing on it that names anybody."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import grpc
import pytest

from mx_core.homeserver.operating.metrics import Metric, rendered
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, free_port_base, running_homes

pytestmark = pytest.mark.anyio

# https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4
_SAMPLE = re.compile(
    r"[a-z_]+(\{[a-z]+=\"[A-Za-z_]+\"(,[a-z]+=\"[A-Za-z_]+\")*\})? -?[0-9.]+(e[+-]?[0-9]+)?"
)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[HomeProcess, int]]:
    with running_homes() as homes:
        home = homes.make("a.example", start=False)
        file, port = home.folder / "mx-home.toml", free_port_base(1)
        file.write_text(file.read_text().replace("[ports]\n", f"[ports]\nmetrics = {port}\n"))
        home.start()
        yield home, port


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def _values(page: str) -> dict[str, float]:
    found = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            assert _SAMPLE.fullmatch(line), line
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


async def test_what_happened_is_counted_and_nobody_is_named(
    served: tuple[HomeProcess, int],
) -> None:
    home, port = served
    async with HomeDevice(home, "alice") as alice:
        await alice.join()
        stream = alice.collect()
        await stream.until_empty()
        await alice.submit(item_for(alice.address))
        await stream.next()
        await alice.submit(item_for("bob@elsewhere.example"))
        alice.session = b"?"
        with pytest.raises(grpc.aio.AioRpcError):
            await alice.submit(item_for(alice.address))
        page = _page(port)
    values = _values(page)
    assert values["mx_home_people"] == 1
    assert values["mx_home_database_answers"] == 1
    assert values["mx_home_deliveries_total"] >= 1
    assert values["mx_home_streams"] == 1
    assert values['mx_home_calls_total{method="Submit",status="OK"}'] == 2
    assert values['mx_home_calls_total{method="Submit",status="UNAUTHENTICATED"}'] == 1
    assert 5e6 < values["process_resident_memory_bytes"] < 5e8
    for word in ("alice", "elsewhere", "a.example", alice.state.pid.hex()):
        assert word not in page


def test_each_family_is_described_once_before_its_values() -> None:
    page = rendered([Metric("a", "gauge", "What.", {"": 1.0, '{x="y"}': 2.5})])

    assert page == '# HELP a What.\n# TYPE a gauge\na 1\na{x="y"} 2.5\n'
