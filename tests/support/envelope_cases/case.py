"""One case of the vectors of spec/envelope: what lies before a reader, and the outcome."""

from dataclasses import dataclass

from mx_core.envelope.identity import EpochSecret
from mx_core.model.ids import Pid
from tests.support.envelope import (
    ALICE_KEY,
    BOB,
    BOB_PID,
    DOOR_KEY,
)
from tests.support.forged_envelope import (
    flip,
)
from tests.support.octets import Octets

ALICE_PK = bytes(ALICE_KEY.verify_key)
DOOR_PK = bytes(DOOR_KEY.verify_key)
OPENED = "opened"


@dataclass(frozen=True)
class Case:
    """What lies before a reader, and the outcome: ``opened`` or a failure class."""

    name: str
    says: str
    outcome: str
    envelope: Octets
    body: Octets
    epochs: tuple[EpochSecret, ...] = (BOB,)
    sign_pk: bytes = ALICE_PK
    my_pid: Pid = BOB_PID


def flip_first(octets: bytes) -> bytes:
    return flip(octets, 0)
