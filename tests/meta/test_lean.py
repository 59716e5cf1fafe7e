"""What a program carries from its start: nothing that waits for somebody to ask.  ADR 0036.

Each name stands for megabytes that were measured; whoever needs one at the start takes it off here,
and writes into bench/README what it costs.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTTP = ("httpx", "starlette", "uvicorn", "h11", "anyio", "jinja2")
TERMINAL = ("rich", "pygments", "greenlet")
SELDOM = ("alembic", "segno", "webbrowser", "boto3", "asyncpg", "flufl.bounce", "multiprocessing")
DATACLASSES_MAX = 100  # of 420 before
CARRIED_BY_NONE = {
    "gateway.app": (*HTTP, *TERMINAL, *SELDOM, "sqlalchemy"),
    "gateway.echo.app": (*HTTP, *TERMINAL, *SELDOM, "sqlalchemy"),
    "mx_core.homeserver.app": (
        *(*HTTP, *TERMINAL, *SELDOM),
        *("sqlalchemy.dialects.postgresql", "sqlcipher3", "uvloop", "dns"),
    ),
    "smtp_in.door.app": (*TERMINAL, *SELDOM, "sqlalchemy"),
}


@pytest.mark.parametrize(("module", "heavy"), CARRIED_BY_NONE.items(), ids=CARRIED_BY_NONE)
def test_a_program_that_serves_does_not_load_what_few_ask_for(
    module: str, heavy: tuple[str, ...]
) -> None:
    code = (
        "import importlib, sys\n"
        "from mx_core.program.spared import loading\n"
        f"with loading():\n    importlib.import_module({module!r})\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout.strip() == "[]"


def test_few_classes_of_a_gateway_are_compiled_at_each_start() -> None:
    """A dataclass costs a start some twenty times what a Struct does.  docs/decisions/0039."""
    code = (
        "import dataclasses, gateway.app, sys\n"
        "ours = {one for name, module in sys.modules.items()"
        " if name.startswith(('gateway', 'imap_out', 'mx_core', 'smtp_in'))"
        " for one in vars(module).values()"
        " if isinstance(one, type) and dataclasses.is_dataclass(one)"
        " and one.__module__ == name}\n"
        "print(len(ours))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert 0 < int(done.stdout) <= DATACLASSES_MAX
