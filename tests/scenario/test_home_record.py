"""What a home server sees can be written down, and its logs say less than that."""

from __future__ import annotations

import stat
from pathlib import Path

import grpc
import pytest

from mx_core.proto import client_pb2
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import running_homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


async def test_every_decrypted_message_is_recorded_and_no_name_is_logged() -> None:
    with running_homes() as homes:
        home = homes.make("a.example", "[log]\nlevel = 'debug'\n", start=False)
        home.record = homes.folder / "rpc"
        home.start()
        async with HomeDevice(home, "zanzibar") as device:
            await device.join()
            item = item_for(device.address)
            await device.submit(item)
            await device.submit(item_for("zanzibar-nobody@a.example"))
            stream = device.collect()
            for _ in range(4):
                await stream.next()
        async with HomeDevice(home, "zanzibar-eve") as eve:
            with pytest.raises(grpc.aio.AioRpcError, match="this invite is unknown"):
                await eve.register("zanzibar-code")
        home.stop()

        files = sorted(home.record.iterdir())
        submitted = _octets(files, "Submit-in")
        assert client_pb2.SubmitRequest(item=item).SerializeToString() in submitted
        arrived = [client_pb2.Delivery.FromString(each) for each in _octets(files, "Collect-out")]
        assert item.envelope in [each.arrived.item.envelope for each in arrived]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        log = home.log.read_text()
        assert "event=envelope_submitted" in log
        assert "zanzibar" not in log


def _octets(files: list[Path], name: str) -> list[bytes]:
    return [path.read_bytes() for path in files if f"-{name}-" in path.name]
