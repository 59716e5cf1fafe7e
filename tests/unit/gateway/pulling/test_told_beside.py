"""What a server tells when nobody waits for it: between two commands, and once.  docs/spec/pull.md §4.6."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mx_core.store.account_store import AccountStore
from tests.support.imap_account import LiveAccount
from tests.support.imap_script import Talk, scripted
from tests.support.old_mail import letter
from tests.support.pulls import a_store, pulled, texts, until

pytestmark = pytest.mark.anyio


class _Teller(LiveAccount):
    """Does *tell* behind each SELECT of INBOX, with how many there were; IDLE says nothing of it then."""

    def __init__(
        self,
        *names: str,
        tell: Callable[["_Teller", Talk], Awaitable[None]],
        counts: bool = True,
    ) -> None:
        super().__init__(*names, counts=counts)
        self.selects = 0
        self.behind_select = self._tell
        self._say = tell

    async def _tell(self, talk: Talk, name: str) -> None:
        if name == "INBOX":
            self.selects += 1
            await self._say(self, talk)


@asynccontextmanager
async def _pulled_from(account: LiveAccount, folder: Path) -> AsyncIterator[AccountStore]:
    async with (
        scripted(folder, account.script()) as (server, _),
        a_store() as store,
        pulled(server, store),
    ):
        yield store


async def _come(store: AccountStore, wanted: list[bytes], box: str = "INBOX") -> None:
    async def has_come() -> bool:
        return await texts(store, box) == wanted

    await until(has_come)


@pytest.mark.parametrize("counts", [True, False])
async def test_what_is_told_between_two_commands_is_not_waited_for(
    tmp_path: Path, counts: bool
) -> None:
    async def tell(account: _Teller, talk: Talk) -> None:
        if account.selects == 2:  # the pass that finds nothing, and waits then
            account.put("INBOX", letter(1))
            await talk.send(b"* 1 EXISTS\r\n")

    async with _pulled_from(_Teller(tell=tell, counts=counts), tmp_path) as store:
        await _come(store, [letter(1)])


async def test_a_folder_that_is_told_of_between_two_commands_is_looked_at(tmp_path: Path) -> None:
    async def tell(account: _Teller, talk: Talk) -> None:
        if account.selects == 2:
            account.put("Work", letter(1))
            await talk.send(b'* STATUS "Work" (UIDVALIDITY 1 UIDNEXT 2)\r\n')

    account = _Teller("Work", tell=tell)
    account.capabilities += " NOTIFY"
    async with _pulled_from(account, tmp_path) as store:
        await _come(store, [letter(1)], "Work")


async def test_a_folder_that_changes_all_the_time_is_looked_at_until_it_does_not(
    tmp_path: Path,
) -> None:
    mail = [letter(number) for number in range(9)]

    async def change(account: _Teller, _talk: Talk) -> None:
        if account.selects <= len(mail):
            account.put("INBOX", mail[account.selects - 1])

    async with _pulled_from(_Teller(tell=change), tmp_path) as store:
        await _come(store, mail)


async def test_a_server_that_always_tells_something_is_not_asked_all_the_time(
    tmp_path: Path,
) -> None:
    async def tell(_account: _Teller, talk: Talk) -> None:
        await talk.send(b"* 0 EXISTS\r\n")

    account = _Teller(tell=tell)
    async with _pulled_from(account, tmp_path):
        await asyncio.sleep(1)

    assert 2 <= account.selects < 12
