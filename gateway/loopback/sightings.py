"""What was seen of each mail program since this gateway started: for the page and ``status``.

In memory only, and bounded: an account has a hundred client passwords at most, and before a login
only the newest time of each thing is kept.  Pure but for the clock that is passed in.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final, final

from msgspec import Struct, field
from typing_extensions import override

from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.ports import Account
from mx_core.trail_port import Step, Trail

_NAME_CHARACTERS: Final = 80
_TLS_BEGUN: Final = "tls_begun"
_REFUSED: Final = "refused"


class Seen(Struct):
    """One mail program: what it calls itself, and when it first took each step (unix seconds)."""

    client: str = ""
    steps: dict[Step, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as ``status --json`` shows it."""
        return {"client": self.client, "steps": {step.value: at for step, at in self.steps.items()}}


@final
class Sightings:
    """Of one gateway; ``begin`` is the observer of its front doors."""

    def __init__(self, now: Now, hear: Callable[[], None]) -> None:
        """Nothing was seen yet; *now*: unix seconds; *hear* is told that somebody does something."""
        self._now = now
        self.hear = hear
        self._seen: dict[tuple[Address, str], Seen] = {}
        self._at_the_door: dict[str, int] = {}

    def begin(self) -> Trail:
        """Return the trail of a new connection."""
        return _Connection(self)

    def watch_tls(self, context: ssl.SSLContext) -> None:
        """Note each handshake that begins: one that a program breaks off is seen by nothing else."""

        def begun(_ssl: object, _name: object, _context: object) -> None:
            self.at_the_door(_TLS_BEGUN)

        context.sni_callback = begun

    def of(self, account: Address, program: str) -> dict[str, Any]:
        """Return what was seen of the mail program with the client password *program*."""
        return self._seen.get((account, program), Seen()).as_json()

    def forget(self, account: Address, program: str) -> None:
        """Begin anew with *program*, whose password is new or gone."""
        self._seen.pop((account, program), None)

    def before_login(self) -> dict[str, int]:
        """Return when each was last seen of whoever: reached, tls_begun, secured, refused."""
        return dict(self._at_the_door)

    def at_the_door(self, what: str) -> None:
        """Note something of whom it is not known yet who they are."""
        self._at_the_door[what] = int(self._now())

    def add(self, account: Account, client: str, steps: dict[Step, int]) -> Seen:
        """Note that *steps* of a connection were those of *account*'s program; return all of it."""
        seen = self._seen.setdefault((account.address, account.program), Seen())
        seen.client = client or seen.client
        for step, at in steps.items():
            seen.steps.setdefault(step, at)
        return seen

    def time(self) -> int:
        """Return unix seconds."""
        return int(self._now())


@final
class _Connection(Trail):
    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings
        self._client = ""
        self._steps: dict[Step, int] = {}
        self._seen: Seen | None = None  # from the login on

    @override
    def reached(self, step: Step) -> None:
        if self._seen is None:
            self._steps[step] = self._sightings.time()
            self._sightings.at_the_door(step.value)
            return
        self._sightings.hear()
        if step not in self._seen.steps:
            self._seen.steps[step] = self._sightings.time()

    @override
    def is_called(self, name: str) -> None:
        self._client = "".join(filter(str.isprintable, name))[:_NAME_CHARACTERS]
        if self._seen is not None:
            self._seen.client = self._client or self._seen.client

    @override
    def belongs_to(self, account: Account) -> None:
        self._sightings.hear()
        self._steps[Step.LOGGED_IN] = self._sightings.time()
        self._seen = self._sightings.add(account, self._client, self._steps)

    @override
    def is_refused(self) -> None:
        self._sightings.at_the_door(_REFUSED)
