"""The check of types refuses what a msgspec Struct can not do, and nothing else (ADR 0039)."""

from pathlib import Path
from textwrap import dedent

from mypy import api

_CALLS = """\
    import dataclasses
    from dataclasses import asdict, dataclass, replace
    from typing import TypeVar

    import msgspec


    class Struct(msgspec.Struct, frozen=True):
        octets: int


    @dataclass
    class Data:
        octets: int


    AnyStruct = TypeVar("AnyStruct", bound=Struct)


    def refused(struct: Struct, either: Struct | Data) -> None:
        asdict(struct)
        replace(struct, octets=2)
        replace(either, octets=2)
        dataclasses.fields(struct)


    def refused_by_its_bound(struct: AnyStruct) -> AnyStruct:
        return replace(struct, octets=2)


    def right(struct: Struct, data: Data) -> None:
        asdict(data)
        replace(data, octets=2)
        msgspec.structs.asdict(struct)
        msgspec.structs.replace(struct, octets=2)
    """


def test_calls_for_dataclasses_alone_are_refused_for_a_struct(tmp_path: Path) -> None:
    text = dedent(_CALLS)
    lines = text.splitlines()
    calls = tmp_path / "calls.py"
    calls.write_text(text)
    plugin = Path(__file__).with_name("struct_calls.py")
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = true\nplugins = {plugin}\ncache_dir = {tmp_path}/cache\n")

    said, troubles, _ = api.run(["--config-file", str(config), str(calls)])

    told = [line.split(":", 3) for line in said.splitlines() if ": error: " in line]
    assert not troubles
    assert [lines[int(number) - 1].strip() for _, number, *_ in told] == [
        "asdict(struct)",
        "replace(struct, octets=2)",
        "replace(either, octets=2)",
        "dataclasses.fields(struct)",
        "return replace(struct, octets=2)",
    ]
    assert all("Struct is a msgspec Struct: use msgspec.structs" in each for *_, each in told)
