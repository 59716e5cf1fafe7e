"""Every edge that strangers write to, under valid inputs with a fault.

Short in every test run; ``make fuzz`` gives each target 20 seconds, ``make torture`` 15 minutes
over as many sittings as it takes.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from tests.fuzz import (
    door_targets,
    log_targets,
    mail_targets,
    sealed_targets,
    search_targets,
    wire_targets,
)
from tests.fuzz.guided import NAMES, guided
from tests.fuzz.hammer import Target, hammer
from tests.support.torture import Measure, Sweep

TARGETS = (
    *wire_targets.TARGETS,
    *mail_targets.TARGETS,
    *search_targets.TARGETS,
    *sealed_targets.TARGETS,
    *log_targets.TARGETS,
    *door_targets.TARGETS,
)
SECONDS = float(os.environ.get("MX_FUZZ_SECONDS", "0.5"))
SLICE_SECONDS = 15
SLICES = 60  # 15 minutes
MEASURES = (
    Measure("inputs", "inputs", "higher"),
    Measure("slowest", "ms of one input", "lower", floor=1_000, combine="max"),
)
SOURCES = {
    "imap-commands": ("imap_out/wire",),
    "imap-framing": ("imap_out/wire",),
    "smtp-data": ("smtp_in",),
    "smtp-commands": ("smtp_in", "mx_core/model"),
    "submission": ("smtp_in", "mx_core/mime"),
    "addresses": ("mx_core/model",),
    "mime": ("mx_core/mime",),
    "search": ("imap_out/session/search", "mx_core/mime", "mx_core/store/text_index"),
    "status-block": ("gateway/arriving/status_block.py", "mx_core/model"),
    "encrypted": ("gateway/decrypting", "mx_core/mime"),
    "envelope": ("mx_core/envelope", "mx_core/notation"),
    "body": ("mx_core/envelope", "mx_core/notation"),
    "inside-an-envelope": ("mx_core/envelope", "mx_core/notation"),
    "cbor": ("mx_core/notation",),
    "passport-chain": ("mx_core/passport", "mx_core/notation"),
    "card": ("mx_core/passport", "mx_core/directory", "mx_core/trust", "mx_core/notation"),
    "proof": ("mx_core/passport", "mx_core/directory", "mx_core/trust", "mx_core/notation"),
    "pin": ("mx_core/trust", "mx_core/notation"),
    "server-document": ("mx_core/discovery", "mx_core/notation"),
    "inside-a-document": ("mx_core/discovery", "mx_core/notation"),
    "well-known": ("mx_core/discovery",),
    "txt-record": ("mx_core/discovery",),
    "leaf": ("mx_core/tls",),
    "item": ("mx_core/homeserver/mailboxes/accept.py", "mx_core/model"),
    "batch": ("mx_core/federation", "mx_core/notation"),
    "log-proof": ("mx_core/tlog", "mx_core/notation"),
    "checkpoint": ("mx_core/tlog",),
    "witness-request": ("mx_core/tlog",),
    "ext": ("mx_core/envelope",),
    "log-memory": ("mx_core/trust",),
    "evidence": ("mx_core/directory",),
    "door-records": ("smtp_in/door/judging",),
    "door-mail": ("smtp_in/door/judging", "mx_core/mime"),
    "door-dialogue": ("gateway/arriving",),
}

pytestmark = [
    # altered certificates make cryptography say what a later release will refuse
    pytest.mark.filterwarnings("ignore:.*serial number.*"),
    pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name),
]


def test_only_documented_errors_come_out_in_bounded_time(target: Target) -> None:
    assert target.name in SOURCES
    target.replay()

    assert hammer(target, SECONDS, "short")["inputs"]


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_fuzz(target: Target) -> None:
    sources = (*SOURCES[target.name], "tests/fuzz")
    Sweep(f"fuzz-{target.name}", SLICES, MEASURES, sources).run(
        lambda step: hammer(target, SLICE_SECONDS, step)
    )


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_guided_fuzz(target: Target) -> None:
    if target.name not in NAMES or find_spec("atheris") is None:
        pytest.skip("not guided")
    sources = (*SOURCES[target.name], "tests/fuzz")
    Sweep(f"guided-{target.name}", SLICES, MEASURES[:1], sources).run(
        lambda _step: guided(target.name, SLICE_SECONDS)
    )
