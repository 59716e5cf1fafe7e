"""Years of mail out of Dovecot, while the importer is killed and the line is cut: whole, once, proved.

Then out again, in again and out again: the same to the octet.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.import_under_fire import Counted, Fire
from tests.support.mail_of_years import with_attachments
from tests.support.torture import Measure, Sweep

_LONG = Path("/var/tmp/mx-torture-import")  # kept between sittings


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="mx-fire-", dir="/var/tmp"))
    yield made / "fire"
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.interop
@pytest.mark.timeout(600)
def test_mail_of_years_comes_whole_through_kills_and_cuts(folder: Path) -> None:
    found: Counter[str] = Counter()
    for step in Fire(folder, 2_000, kills=3, cuts=3, letters=with_attachments(2_000)).steps:
        found.update(step())

    assert (found["kills"], found["cuts"], found["messages"]) == (3, 3, 2_000)


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_import() -> None:
    """100,000 messages, 5 GB, twenty kills and twenty cuts; needs 25 GB below /var/tmp."""
    fire = Fire(_LONG, 100_000, kills=20, cuts=20, letters=with_attachments(110_000))

    def step(number: int) -> Counted:
        assert not number or fire.folder.exists(), "what it stood on is gone: remove its result too"
        counted = fire.steps[number]()
        if number == len(fire.steps) - 1:
            shutil.rmtree(fire.folder)
        return counted

    Sweep(
        "import",
        len(fire.steps),
        (
            Measure("kills", "kills", "higher", floor=20),
            Measure("cuts", "cuts of the line", "higher", floor=20),
            Measure("messages", "messages, whole and once", "higher", floor=100_000),
            Measure("resident", "MB, at most", "lower", floor=250, combine="max"),
        ),
        (
            *("gateway/migration", "gateway/legacy", "mx_core/store"),
            *("tests/support/mail_of_years.py", "tests/support/import_under_fire.py"),
        ),
    ).run(step)
