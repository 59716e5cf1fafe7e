"""The mail of the store."""

import pytest

from mx_core.store.account_store import AccountStore
from mx_core.store.mail.mail import Mail


@pytest.fixture
def mail(store: AccountStore) -> Mail:
    return store.mail
