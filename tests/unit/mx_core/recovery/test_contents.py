"""What stands in a backup is taken off exactly, and what is too short or too long is refused."""

import pytest
from msgspec import structs

from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.ids import DeviceId, Pid
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.recovery.contents import Contents, Manifest

MANIFEST = Manifest(
    Address.parse("alice@a.example"), Pid(b"p" * 32), DeviceId(b"d" * 16), 7, Secret(b"k" * 32), 5,
    ((b"n" * 16, 3), (b"o" * 16, 0)),
)  # fmt: skip


def told(manifest: Manifest) -> dict[str, object]:
    return {**structs.asdict(manifest), "key": manifest.key.reveal()}


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_manifest_and_files_come_off_whatever_the_pieces(size: int) -> None:
    whole = MANIFEST.encode() + b"datab" + b"abc"
    contents = Contents(iter(whole[at : at + size] for at in range(0, len(whole), size)))
    manifest = contents.manifest()

    assert told(manifest) == told(MANIFEST)
    assert b"".join(contents.take(manifest.database_octets)) == b"datab"
    assert b"".join(contents.take(3)) == b"abc"
    contents.end()


def test_fewer_octets_than_the_manifest_says_are_refused() -> None:
    contents = Contents(iter([MANIFEST.encode() + b"dat"]))
    contents.manifest()

    with pytest.raises(Refused, match="cut off"):
        list(contents.take(5))


def test_more_octets_than_the_manifest_says_are_refused() -> None:
    contents = Contents(iter([MANIFEST.encode(), b"more"]))
    contents.manifest()

    with pytest.raises(Refused, match="more than it says"):
        contents.end()


@pytest.mark.parametrize(
    "change",
    [{0: 2}, {1: "no address"}, {5: b"short"}, {7: [[b"short", 1]]}, {7: [[b"n" * 16]]}, {8: 1}],
)
def test_a_manifest_of_another_shape_is_refused(change: dict[int, cbor.Value]) -> None:
    fields = cbor.decode(MANIFEST.encode()[4:])
    assert isinstance(fields, dict)
    with pytest.raises(Refused):
        Manifest.decode(cbor.encode({**fields, **change}))
