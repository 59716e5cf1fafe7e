"""What each answer of the JSON API holds; the names are those of ``/api/openapi.json``.

Times are unix seconds, identities and devices hex.  What a newer gateway adds is ignored by readers.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Backup(msgspec.Struct, frozen=True):
    """When the last backup was made, where the daily ones go, why one failed."""

    last: int | None
    folder: str
    trouble: str


class Program(msgspec.Struct, frozen=True):
    """A mail program: its password was made at *since*; when it first took which step."""

    name: str
    since: int
    client: str
    steps: dict[str, int]


class Account(msgspec.Struct, frozen=True):
    """One account: whether its home server is reached, and how many recipients wait in which state.

    *requests*: so many people of whom nothing was said wait in Requests.
    """

    address: str
    connected: bool
    trouble: str
    outbox: dict[str, int]
    refused: int
    receipts: bool
    requests: int
    backup: Backup
    programs: list[Program]


class Trial(msgspec.Struct, frozen=True):
    """An account whose mail stays on this computer ("": there is none), and what is wrong with it."""

    address: str
    trouble: str


class Status(msgspec.Struct, frozen=True):
    """The gateway; *before_login*: the newest of what was seen of whoever had not logged in yet."""

    accounts: list[Account]
    locked: bool
    before_login: dict[str, int]
    trial: Trial


class Queued(msgspec.Struct, frozen=True):
    """One recipient that waits, and why."""

    queue_id: str
    sender: str
    recipient: str
    state: str
    reason: str


class Queue(msgspec.Struct, frozen=True):
    """Everything that waits."""

    queue: list[Queued]


class Contact(msgspec.Struct, frozen=True):
    """Somebody whose keys are pinned: how they came to be believed, and what is done with mail."""

    address: str
    tier: str
    mail: str


class Contacts(msgspec.Struct, frozen=True):
    """Everybody whom an account knows."""

    contacts: list[Contact]


class Compared(msgspec.Struct, frozen=True):
    """The sixteen words that two people must both see, and what this one's QR code says."""

    tier: str
    words: list[str]
    code: str


class Asking(msgspec.Struct, frozen=True):
    """Somebody who waits in Requests: since when, and the newest subjects of so many messages."""

    id: str
    address: str
    messages: int
    since: int
    subjects: list[str]


class Blocked(msgspec.Struct, frozen=True):
    """Somebody who is blocked; *can_undo*: mail of theirs is in Junk."""

    id: str
    address: str
    since: int
    can_undo: bool


class Requests(msgspec.Struct, frozen=True):
    """Who asks to write to an account, and who may not."""

    waiting: list[Asking]
    blocked: list[Blocked]


class Invitation(msgspec.Struct, frozen=True):
    """A link by which so many people may write."""

    id: int
    name: str
    uses: int
    used: int
    expires: int
    link: str


class Invitations(msgspec.Struct, frozen=True):
    """Every invitation that has not ended."""

    invitations: list[Invitation]


class RuleAt(msgspec.Struct, frozen=True):
    """What is said at one scope ("" for nothing), and whether it counts; *said*: in words."""

    level: str
    scope: str
    value: str
    said: str
    counts: bool


class Rule(msgspec.Struct, frozen=True):
    """One rule: what it asks, each value with its meaning, and what is said where, the farthest first."""

    name: str
    asks: str
    answers: dict[str, str]
    nodes: list[RuleAt]


class Relay(msgspec.Struct, frozen=True):
    """The server by which ordinary mail leaves."""

    host: str
    port: int
    username: str


class Policy(msgspec.Struct, frozen=True):
    """All rules of an account; *relay* is null where ordinary mail has no way out."""

    rules: list[Rule]
    relay: Relay | None


class RuleFor(msgspec.Struct, frozen=True):
    """One rule as it is for one address."""

    name: str
    asks: str
    nodes: list[RuleAt]


class Explained(msgspec.Struct, frozen=True):
    """What would become of mail to an address that was looked up now, and why."""

    address: str
    found: str
    why: str
    known: bool
    verdict: str
    text: str
    because: str
    levels: list[RuleFor]


class Password(msgspec.Struct, frozen=True):
    """A client password, without itself; last use as ISO 8601."""

    name: str
    last_used: str | None


class Passwords(msgspec.Struct, frozen=True):
    """The mail programs of an account."""

    passwords: list[Password]


class Device(msgspec.Struct, frozen=True):
    """A device that the passport names; *this*: it is this computer; *removed*: why, and *since* when."""

    device: str
    this: bool
    active: bool
    removed: str | None
    since: int | None


class Moving(msgspec.Struct, frozen=True):
    """``there``: the address that a move leads to, as long as it is under way."""

    there: str | None


class Devices(msgspec.Struct, frozen=True):
    """Every device of an account, the newest last."""

    devices: list[Device]


class Day(msgspec.Struct, frozen=True):
    """Messages of one day in UTC, of which *day* is the number since 1970."""

    day: int
    sealed_in: int
    ordinary_in: int
    out: int


class Activity(msgspec.Struct, frozen=True):
    """The last thirty days."""

    days: list[Day]


class Door(msgspec.Struct, frozen=True):
    """Whether the home server takes ordinary mail, and whether it does for this account."""

    served: bool
    open: bool


class Upgrade(msgspec.Struct, frozen=True):
    """Somebody at an ordinary address who says to be (or is) at one on the network."""

    ordinary: str
    address: str


class Mail(msgspec.Struct, frozen=True):
    """Imports and the export, as ``mx-gateway`` tells them with ``--json``, and accounts elsewhere.

    *door* is null while the home server does not answer; *sentence*: an invitation stands below ordinary mail.
    """

    imports: dict[str, Any]
    export: dict[str, Any]
    pulled: list[dict[str, Any]]
    door: Door | None
    offered: list[Upgrade]
    taken: list[Upgrade]
    sentence: bool


class Arrived(msgspec.Struct, frozen=True):
    """A message of the first round trip: from whom, when, and what its status says."""

    sender: str
    received: int
    said: str
    sealed_with: str


class RoundTrip(msgspec.Struct, frozen=True):
    """The first round trip of an account: what has come back, and why the echo was not written to."""

    awaited: bool
    echo: str
    asked: int | None
    unasked: str
    welcome: Arrived | None
    answer: Arrived | None


class Domain(msgspec.Struct, frozen=True):
    """What is found of a domain from here: how, where gateways connect, its first key in hex."""

    name: str
    how: str
    client: str
    key: str


class Correspondent(msgspec.Struct, frozen=True):
    """An address, how many messages came and left in which way, and the share that was encrypted."""

    address: str
    sealed_in: int
    ordinary_in: int
    sealed_out: int
    ordinary_out: int
    percent: int | None


class Migration(msgspec.Struct, frozen=True):
    """How much of the mail of the last *days* was end-to-end encrypted; *invite*: who is not there."""

    days: int
    messages: int
    encrypted: int
    percent: int | None
    people: list[Correspondent]
    invite: list[str]


class Finding(msgspec.Struct, frozen=True):
    """What ``mx-gateway doctor`` found; *do* is "" where all is well."""

    said: str
    do: str


class Doctor(msgspec.Struct, frozen=True):
    """Everything that was looked at."""

    findings: list[Finding]


class Key(msgspec.Struct, frozen=True):
    """How the key of all mail is kept, and how else it could be here."""

    now: str
    choices: list[str]
