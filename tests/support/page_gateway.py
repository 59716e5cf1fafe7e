"""The gateway behind a page, every text of which is hostile; it notes what it was told to do."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from gateway.recovery.recovering import AskedBack
from gateway.web.behind import Behind
from mx_core.carriers.native.membership import DoorState
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.errors import MailError
from mx_core.model.ids import QueueId
from mx_core.model.secret import Secret
from tests.support.page_desks import (
    EVIL,
    Door,
    Elsewhere,
    Greeting,
    Here,
    Invited,
    Migrating,
    Moved,
    Pulled,
    Requested,
    Rules,
    Taken,
)
from tests.support.people import make_person

HOST = "127.0.0.1:1180"
READ = (
    *("/", "/accounts/new", "/programs?account=alice%40a.example", "/outbox"),
    *(
        "/begin",
        "/begin/domain",
        "/begin/trial",
        "/begin/real",
        "/begin/rule",
        "/restore",
        "/unlock",
    ),
    "/key",
    "/doctor",
    "/activity?account=alice%40a.example",
    "/devices?account=alice%40a.example",
    "/move?account=alice%40a.example",
    "/requests?account=alice%40a.example",
    "/policy?account=alice%40a.example",
    "/policy?account=alice%40a.example&address=bob%40b.example",
    "/begin/look?domain=a.example",
    "/connect?account=alice%40a.example",
    "/mail?account=alice%40a.example",
)
WORDS = " ".join(["abandon"] * 24)
CONTACT = "/contact?account=alice%40a.example&contact=bob%40b.example"


class Everything(Behind):
    """A gateway of which every name and reason was chosen by somebody else."""

    def __init__(self) -> None:
        self.did: list[tuple[str, ...]] = []
        self.heard = 0
        self.trouble: Exception | None = None
        self.accounts = 2
        self.locked = False
        self.steps = {"logged_in": 2}

        self.tries = EVIL
        self.person = make_person()
        self.export = {"phase": "exporting", "trouble": ""}
        self.there = ""  # where a move that is under way leads
        self.move_trouble: MailError | None = None
        self.computer = Here(self.did)
        self.door: DoorState | None = DoorState(served=True, open=False)

    async def status(self) -> dict[str, Any]:
        if self.trouble is not None:
            raise self.trouble
        return {
            "accounts": [
                {
                    "address": address,
                    "connected": False,
                    "trouble": EVIL,
                    "outbox": {EVIL: 1},
                    "refused": 2,
                    "receipts": False,
                    "requests": 2,
                    "backup": {"last": 1_800_000_000, "folder": EVIL, "trouble": EVIL},
                    "programs": [{"name": EVIL, "since": 1, "client": EVIL, "steps": self.steps}],
                }
                for address in (EVIL, "alice@a.example")
            ][: self.accounts],
            "locked": self.locked,
            "before_login": {"reached": 1},
            "trial": {"address": EVIL, "trouble": EVIL},
        }

    async def queue(self) -> list[dict[str, Any]]:
        one = {"queue_id": EVIL, "recipient": EVIL, "sender": EVIL, "reason": EVIL}
        return [{**one, "state": EVIL}, {**one, "state": "held"}]

    async def retry_queued(self, queue_id: QueueId) -> int:
        self.did.append(("retry", queue_id))
        return 1

    async def cancel_queued(self, queue_id: QueueId) -> int:
        self.did.append(("cancel", queue_id))
        return 1

    async def let_leave_queued(self, queue_id: QueueId) -> int:
        self.did.append(("let leave", queue_id))
        return 1

    async def contacts(self, account: Address) -> list[dict[str, Any]]:
        return [{"address": EVIL, "tier": EVIL, "mail": EVIL}]

    async def compare_contact(self, account: Address, address: Address) -> dict[str, Any]:
        return {"tier": EVIL, "words": [EVIL] * 16, "code": EVIL}

    async def verify_contact(self, account: Address, address: Address, code: str) -> None:
        self.did.append(("verify", str(account), str(address), code))

    async def accept_contact(self, account: Address, address: Address) -> int:
        self.did.append(("accept", str(account), str(address)))
        return 0

    async def add_account(self, address: Address, invite: str) -> str:
        self.did.append(("add", str(address), invite))
        return WORDS

    async def new_settings(self, address: Address, name: str) -> MailSettings:
        self.did.append(("program", str(address), name))
        return _settings()

    async def revoke_password(self, address: Address, name: str) -> None:
        self.did.append(("revoke", str(address), name))

    def inviting(self, address: Address) -> Any:
        return Invited(self.did)

    def imported(self, address: Address) -> Any:
        return self

    def exported(self, address: Address) -> Any:
        return self

    @property
    def exporting(self) -> Any:
        return Taken(self.did, self.export)

    def pulled(self, address: Address) -> Any:
        return self

    def migrating(self, address: Address) -> Any:
        return Migrating(self.did)

    def door_of(self, address: Address) -> Any:
        return self

    @property
    def membership(self) -> Any:
        return Door(self.did, self.door)

    def greeted(self, address: Address) -> Any:
        return self

    def trial(self) -> str:
        return self.tries

    def hear(self) -> None:
        self.heard += 1

    def recoverable(self, address: Address) -> Any:
        return self

    @property
    def own(self) -> Any:
        return SimpleNamespace(state=self.person.state, device_id=self.person.first.id)

    @property
    def moving(self) -> Any:
        return Moved(self.did, self.there, self.move_trouble)

    async def add_trial(self, name: str) -> tuple[Address, str]:
        self.did.append(("trial", name))
        return Address.parse(f"{name}@me.localhost"), WORDS

    @property
    def greeting(self) -> Any:
        return Greeting(self.did)

    @property
    def importing(self) -> Any:
        return Elsewhere(self.did)

    @property
    def pulling(self) -> Any:
        return Pulled()

    def policy_desk(self, address: Address) -> Any:
        del address
        return Rules(self.did)

    def requests(self, address: Address) -> Any:
        del address
        return Requested(self.did)

    async def set_rule(self, account: Address, name: str, value: str) -> None:
        self.did.append(("rule", str(account), name, value))

    async def begin_recovery(self, asked: AskedBack) -> dict[str, Any]:
        self.did.append(("begin", asked.file, asked.address, asked.words, asked.words_of_file))
        return {
            "token": "token", "address": EVIL, "backup_of": 1, "devices": [EVIL],
            "recovery_words": " ".join(f"word{n}" for n in range(1, 25)),
        }  # fmt: skip

    async def finish_recovery(self, token: str) -> dict[str, Any]:
        self.did.append(("finish", token))
        return {"settings": asdict(_settings())}

    async def lock(self) -> None:
        self.did.append(("lock",))

    async def unlock(self, passphrase: Secret[str]) -> None:
        self.did.append(("unlock", passphrase.reveal()))

    async def unlock_by(self, method: str, passphrase: Secret[str]) -> None:
        self.did.append(("unlock by", method, passphrase.reveal()))

    async def give_receipts(self, address: Address, *, given: bool) -> None:
        self.did.append(("receipts", str(address), str(given)))

    async def passwords(self, address: Address) -> list[dict[str, Any]]:
        return [{"name": EVIL, "last_used": EVIL}]


def _settings() -> MailSettings:
    return MailSettings(EVIL, EVIL, EVIL, EVIL, 1, 2, 3, 4, EVIL)
