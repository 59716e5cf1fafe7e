"""The memory store that these tests use, and the real one, keep the same promises."""

from collections.abc import Iterator

import pytest

from mx_core.ports import MailStore
from tests.support.mail_contract import MailContract
from tests.support.memory_mail import MemoryMail
from tests.support.stores import memory_store


class TestInMemory(MailContract):
    @pytest.fixture
    def mail(self) -> MailStore:
        return MemoryMail()


class TestOnTheDisk(MailContract):
    @pytest.fixture
    def mail(self) -> Iterator[MailStore]:
        with memory_store() as store:
            yield store.mail
