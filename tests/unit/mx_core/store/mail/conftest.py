"""A store on the disk, and the mail in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.store.account_store import AccountStore
from mx_core.store.mail.mail import Mail
from tests.support.stores import Clock, open_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[AccountStore]:
    opened = open_store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def mail(store: AccountStore) -> Mail:
    return store.mail
