"""What a page reaches besides its accounts, each of whose texts was chosen by somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.beginning.computer import Computer, FoundDomain, Kept
from gateway.beginning.system_trust import Told
from gateway.migration.export.exporting import AskedOut
from gateway.migration.importing import Asked
from gateway.unlocking.master_key import Method
from mx_core.carriers.native.membership import DoorChange, DoorState
from mx_core.model.address import Address
from mx_core.model.errors import MailError, PeerUnreachable
from mx_core.program.finding import Finding
from mx_core.store.people.exchanged import Day

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7919*6271 }}"


@dataclass
class Here(Computer):
    """A computer of which every text was chosen by somebody else."""

    did: list[tuple[str, ...]]
    choices: tuple[Method, ...] = (Method.KEYRING, Method.PASSPHRASE, Method.FILE)
    trouble: MailError | None = None
    trusted: bool = False

    async def kept(self) -> Kept:
        return Kept(Method.FILE, self.choices)

    async def examine(self) -> list[Finding]:
        return [Finding(EVIL), Finding(EVIL, EVIL)]

    async def look_up(self, domain: str) -> FoundDomain:
        self.did.append(("look up", domain))
        return FoundDomain(EVIL, EVIL, EVIL, EVIL)

    def profiles(self) -> int:
        return 1

    def mail_here(self) -> list[str]:
        return [EVIL]

    async def system_trust(self) -> Told:
        return Told(self.trusted, EVIL, EVIL)

    async def trust(self) -> int:
        if self.trouble is not None:
            raise self.trouble
        self.did.append(("trust",))
        return 1


@dataclass
class Elsewhere:
    """Imports of which every name was chosen by somebody else."""

    did: list[tuple[str, ...]]

    async def state(self) -> dict[str, Any]:
        return {
            "phase": EVIL,
            "trouble": EVIL,
            "seconds_left": 90,
            "look": {"messages": 10, "folders": [EVIL], "doubles": 0},
            "progress": {"seen": 3},
            "imports": [
                {"source": EVIL, "state": state, "trouble": EVIL, "report": report}
                for state, report in (
                    ("running", None), ("paused", None), ("done", {"holds": True, "doubles": 2}),
                    ("done", {"holds": True, "doubles": 0, "progress": {"encrypted": {"openpgp": 7}}}),
                )
            ],
        }  # fmt: skip

    async def begin(self, asked: Asked, *, dry_run: bool) -> None:
        self.did.append(("import", asked.source, asked.secret, str(dry_run)))

    async def pause(self) -> int:
        self.did.append(("pause",))
        return 1

    async def resume(self) -> int:
        self.did.append(("resume",))
        return 1


@dataclass
class Moved:
    did: list[tuple[str, ...]]
    there: str = ""
    trouble: MailError | None = None

    async def begin(self, to: Address, invite: str, words: str) -> None:
        self.did.append(("move", str(to), invite, words))
        if self.trouble is not None:
            raise self.trouble

    async def under_way(self) -> str | None:
        return self.there or None


@dataclass
class Taken:
    """An export whose target and folder somebody else named; *more*: how it stands."""

    did: list[tuple[str, ...]]
    more: dict[str, str]

    def state(self) -> dict[str, Any]:
        told = {"target": EVIL, "messages": 2, "of": 3, "folder": EVIL, "total": EVIL}
        return told | self.more

    async def begin(self, asked: AskedOut) -> None:
        self.did.append(("export", asked.target, asked.format))


class Pulled:
    async def state(self) -> list[dict[str, Any]]:
        return [
            {"location": EVIL, "trouble": EVIL, "now": {"phase": EVIL}},
            {"location": EVIL, "trouble": "", "now": None},
        ]


class Migrating:
    """A way from ordinary mail on which everybody is called what somebody else chose."""

    address = Address.parse("alice@a.example")

    def __init__(self, did: list[tuple[str, ...]]) -> None:
        self.did = did

    @property
    def dial(self) -> Migrating:
        return self

    upgrading = foot = dial

    async def state(self) -> dict[str, Any]:
        one = {"ordinary": EVIL, "address": EVIL}
        return {"offered": [one], "taken": [one]}

    async def take(self, ordinary: Address) -> None:
        self.did.append(("take", str(ordinary)))

    async def leave(self, ordinary: Address) -> None:
        self.did.append(("leave", str(ordinary)))

    async def is_on(self) -> bool:
        return ("sentence", "True") in self.did

    async def turn(self, *, on: bool) -> None:
        self.did.append(("sentence", str(on)))

    async def days(self, number: int) -> list[tuple[int, Day]]:
        return [(20_000 + n, Day(n, 2 * n, 1)) for n in range(number)]

    async def show(self, own: Address) -> dict[str, Any]:
        numbers = {"sealed_in": 1, "ordinary_in": 2, "sealed_out": 3, "ordinary_out": 4}
        return {
            "days": 60, "messages": 10, "encrypted": 4, "percent": 40, "invite": [EVIL],
            "people": [{"address": EVIL, "percent": 40, **numbers}],
        }  # fmt: skip


class Invited:
    """Invitations of which every text was chosen by somebody else."""

    def __init__(self, did: list[tuple[str, ...]]) -> None:
        self.did = did

    async def make(self, name: str, uses: int, days: int) -> dict[str, Any]:
        self.did.append(("invite", name, str(uses), str(days)))
        return {"id": 1, "name": EVIL, "uses": uses, "used": 0, "until": EVIL, "link": EVIL}

    async def all(self) -> list[dict[str, Any]]:
        return [
            {"id": 1, "name": EVIL, "uses": 3, "used": 1, "until": EVIL, "expires": 9, "link": EVIL}
        ]

    async def take_back(self, ident: int) -> None:
        self.did.append(("take back", str(ident)))

    async def open(self, link: str, *, in_person: bool) -> dict[str, Any]:
        self.did.append(("open", link, str(in_person)))
        return {"address": "bob@b.example", "tier": "endorsed"}


@dataclass
class Door:
    did: list[tuple[str, ...]]
    state: DoorState | None

    async def door(self, change: DoorChange = DoorChange.NOTHING) -> DoorState:
        if change is not DoorChange.NOTHING:
            self.did.append(("door", change.name))
        if self.state is None:
            raise PeerUnreachable(EVIL)
        return self.state


@dataclass
class Rules:
    """What became of a look-up, in words of others."""

    did: list[tuple[str, ...]]

    async def explain(self, address: Address) -> dict[str, Any]:
        return {
            "address": str(address), "found": EVIL, "why": EVIL, "known": True, "verdict": "hold",
            "text": EVIL, "because": EVIL,
            "levels": [{"name": EVIL, "asks": EVIL, "nodes": [self.node(), self.node(value="")]}],
        }  # fmt: skip

    def node(self, **more: Any) -> dict[str, Any]:
        said = {"level": EVIL, "scope": EVIL, "where": EVIL, "value": EVIL, "said": EVIL}
        return {**said, "counts": True, **more}

    async def tree(self) -> list[dict[str, Any]]:
        nodes = [self.node(), self.node(counts=False), self.node(value="", counts=False)]
        asked = {"name": EVIL, "asks": EVIL, "answers": {EVIL: EVIL}, "nodes": nodes}
        return [{**asked, "each": True}, {**asked, "each": False}]

    async def relay(self) -> dict[str, Any]:
        return {}

    async def set(self, scope: str, name: str, value: str) -> None:
        self.did.append(("rule of", scope, name, value))


@dataclass
class Requested:
    """Strangers, all of whose words are hostile."""

    did: list[tuple[str, ...]]

    async def state(self) -> dict[str, Any]:
        one = {"id": EVIL, "address": EVIL, "since": 7}
        return {
            "waiting": [{**one, "messages": 2, "subjects": [EVIL, ""]}],
            "blocked": [
                {**one, "can_undo": True},
                {**one, "can_undo": False},
                {**one, "address": "", "can_undo": False},
            ],
        }

    async def accept(self, who: str) -> None:
        self.did.append(("accept request", who))

    async def block(self, who: str) -> None:
        self.did.append(("block", who))

    async def undo(self, who: str) -> None:
        self.did.append(("undo", who))


@dataclass
class Greeting:
    """A round trip whose every text somebody else chose."""

    did: list[tuple[str, ...]]

    def welcome(self, *, ask: bool = False) -> None:
        self.did.append(("welcome", str(ask)))

    async def ask(self) -> None:
        self.did.append(("ask",))

    async def state(self) -> dict[str, Any]:
        arrived = {"sender": EVIL, "received": 7, "said": EVIL, "sealed_with": EVIL}
        return {
            "awaited": ("ask",) in self.did,
            "echo": EVIL,
            "asked": 5,
            "unasked": EVIL,
            "welcome": arrived,
            "answer": arrived,
        }
