"""What the steps share: the program, the account it has, the witnesses, and this run's tag."""

import uuid
from dataclasses import dataclass, field

from tests.interop.thunderbird.program import Thunderbird
from tests.interop.witness import Witness


@dataclass(frozen=True)
class Run:
    """One story; every subject carries *tag*, so that other mail does not matter."""

    program: Thunderbird
    me: Witness
    peer: Witness
    stranger: Witness
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def script(self, body: str, *args: object) -> object:
        return self.program.script(body, *args)

    def append(self, subject: str, text: str) -> None:
        self.me.append(self.peer.address, subject, text)
