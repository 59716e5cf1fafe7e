"""What an administrator types is typed, and mail is read and written from another computer over a cable."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.apart import apart

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

_ROOT = Path(__file__).resolve().parents[2]


def test_the_whole_computer_trusts_the_gateway_and_another_one_uses_it(tmp_path: Path) -> None:
    if not shutil.which("update-ca-certificates"):
        pytest.skip("this machine keeps its certificates in another way")
    program = [*apart("--net", "--mount"), sys.executable, "-m", "tests.support.another_computer"]
    done = subprocess.run(
        [*program, str(tmp_path)], capture_output=True, text=True, check=False, cwd=_ROOT
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["trust"] == {  # what mx-gateway trust says, and what a mail program sees
        "before": [False, False],
        "added": [True, True],
        "taken": [False, False],
    }
    assert told["beyond"] == {
        "selected": "OK",
        "refused": {},
        "unknown authority": "refused",
        "heard": [],  # no port but the two is open there
        "arrived": 1,
    }
