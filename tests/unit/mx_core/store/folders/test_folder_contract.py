"""The memory store with folders, and the real one, keep the same promises."""

from collections.abc import Iterator

import pytest

from mx_core.ports import MailStore
from tests.support.folder_contract import FolderContract
from tests.support.mail_contract import MailContract
from tests.support.memory_folders import FolderMail
from tests.support.stores import memory_store


class TestInMemory(FolderContract):
    @pytest.fixture
    def mail(self) -> MailStore:
        return FolderMail()


class TestInMemoryWithoutFolders(MailContract):
    @pytest.fixture
    def mail(self) -> MailStore:
        return FolderMail()


class TestOnTheDisk(FolderContract):
    @pytest.fixture
    def mail(self) -> Iterator[MailStore]:
        with memory_store() as store:
            yield store.mail
