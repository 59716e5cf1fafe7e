"""What the command line may ask of a running gateway, besides what the page may.  Knows no HTTP."""

from __future__ import annotations

from typing import Protocol

from gateway.web.behind import Behind
from gateway.web.whose import Claiming, Decrypted, FolderStore, Permitted
from mx_core.model.address import Address
from mx_core.model.ids import QueueId


class Daemon(Behind, Protocol):
    """What the command line may ask besides; ``gateway.app`` provides it."""

    async def accept_domain(self, account: Address, domain: str) -> int:
        """Believe a domain's log again; return how many held messages go on."""

    async def reindex(self, address: Address) -> None:
        """Make an account's search index anew, while searches go on; raises Refused."""

    async def rotate(self, address: Address) -> None:
        """Replace an account's identity key; raises Unavailable: it goes on by itself."""

    async def reach(self, address: Address, *, everybody: bool) -> None:
        """Let an account be found by everybody or by contacts only; raises as ``rotate``."""

    async def take_suite(self, address: Address, floor: int) -> None:
        """Be sealed to by suite *floor* at least; raises Refused, and as ``rotate``."""

    async def add_password(self, address: Address, name: str) -> str:
        """Return a new client password, told this once."""

    def page_link(self) -> str:
        """Return a link to the page, good once."""

    def folder_store(self, address: Address) -> FolderStore:
        """Return what holds the folders of an account; raises Refused."""

    def claiming(self, address: Address) -> Claiming:
        """Return whose claims to ordinary addresses are asked for; raises Refused."""

    def decrypted(self, address: Address) -> Decrypted:
        """Return whose encrypted mail is asked for; raises Refused."""

    def permitted(self, address: Address) -> Permitted:
        """Return whose permissions by OAuth are asked for; raises Refused."""

    async def take_spooled(self, name: str) -> QueueId:
        """Take in a letter of the spool; raises what its sender is to be told."""
