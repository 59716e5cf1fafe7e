"""What stands behind both faces of a running gateway: its page and its command line."""

from __future__ import annotations

from typing import Any, Protocol

from gateway.beginning.computer import Computer
from gateway.people.inviting import Inviting
from gateway.people.policy_desk import PolicyDesk
from gateway.people.requests import Requests
from gateway.web.whose import (
    BehindDoor,
    Desk,
    Exported,
    Greeted,
    Imported,
    Lockable,
    Migrating,
    Pulled,
    Recoverable,
)
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.ids import QueueId


class Behind(Desk, Lockable, Protocol):
    """``gateway.app`` provides it.  Every refusal is one sentence, as a ``MailError``."""

    computer: Computer

    async def status(self) -> dict[str, Any]:
        """Return accounts with their connection, outbox and refused counts."""

    async def queue(self) -> list[dict[str, Any]]:
        """Return what waits in every outbox."""

    async def retry_queued(self, queue_id: QueueId) -> int:
        """Try now what is deferred or held; return how many recipients that was."""

    async def let_leave_queued(self, queue_id: QueueId) -> int:
        """Let what is held leave as ordinary mail; return how many recipients that was."""

    async def cancel_queued(self, queue_id: QueueId) -> int:
        """Give up what was not sent yet; return how many recipients that was."""

    async def contacts(self, account: Address) -> list[dict[str, Any]]:
        """Return whom *account* has pinned."""

    async def compare_contact(self, account: Address, address: Address) -> dict[str, Any]:
        """Return the words and the code that both people see."""

    async def verify_contact(self, account: Address, address: Address, code: str) -> None:
        """Note that two people have compared keys."""

    async def accept_contact(self, account: Address, address: Address) -> int:
        """Accept the keys that are shown now; return how many held messages go on."""

    async def add_account(self, address: Address, invite: str) -> str:
        """Register and start an account; return its recovery words."""

    async def add_trial(self, name: str) -> tuple[Address, str]:
        """Register *name* at a domain of this computer; return it and the words; raises Refused."""

    def trial(self) -> str:
        """Return the address of a trial, whose mail stays on this computer; "" without one."""

    def recoverable(self, address: Address) -> Recoverable:
        """Return whose backups, devices and moves are asked for; raises Refused."""

    async def new_settings(self, address: Address, name: str) -> MailSettings:
        """Return what a mail program called *name* is to be told, with a new password."""

    async def revoke_password(self, address: Address, name: str) -> None:
        """Make a client password useless."""

    async def set_rule(self, account: Address, name: str, value: str) -> None:
        """Make a rule of *account* for everybody; raises BadPolicy."""

    def policy_desk(self, address: Address) -> PolicyDesk:
        """Return whose rules are asked for; raises Refused."""

    def requests(self, address: Address) -> Requests:
        """Return whose requests are asked for; raises Refused."""

    async def give_receipts(self, address: Address, *, given: bool) -> None:
        """Let contacts know when mail of theirs is here, or not; raises Unavailable: it goes on."""

    async def passwords(self, address: Address) -> list[dict[str, Any]]:
        """Return names and last uses."""

    def imported(self, address: Address) -> Imported:
        """Return whose imports are asked for; raises Refused."""

    def exported(self, address: Address) -> Exported:
        """Return whose exports are asked for; raises Refused."""

    def inviting(self, address: Address) -> Inviting:
        """Return whose invitations are asked for; raises Refused."""

    def door_of(self, address: Address) -> BehindDoor:
        """Return whose door for ordinary mail is asked for; raises Refused."""

    def greeted(self, address: Address) -> Greeted:
        """Return whose first round trip is asked for; raises Refused."""

    def pulled(self, address: Address) -> Pulled:
        """Return whose accounts elsewhere are asked for; raises Refused."""

    def migrating(self, address: Address) -> Migrating:
        """Return whose way from ordinary mail is asked for; raises Refused."""
