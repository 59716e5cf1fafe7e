"""What an account holds beside its mail, as one JSON document: ``mx-settings.json``.

Everything in it is public or the person's own word; no private key and no password is.  Those
are what the recovery words stand for.  docs/spec/export.md §6.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from mx_core.model.address import Address
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from mx_core.trust.pin import Pin

NAME: Final = "mx-settings.json"
_VERSION: Final = 1


async def settings_of(store: AccountStore, account: Address) -> bytes:
    """Return the document; the same for the same settings."""
    names = await store.mail.read(lambda reader: reader.subscriptions())
    document = {
        "version": _VERSION,
        "account": str(account),
        "passport": [_base64(entry) for entry in await store.passport.entries()],
        "contacts": [await _contact(store, contact) for contact in await store.contacts.all()],
        "folders": [
            {"name": each.info.name, "rule": each.info.rule} for each in await store.folders.all()
        ],
        "policy": await store.policy.all(),
        "subscriptions": names,
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


async def _contact(store: AccountStore, contact: Contact) -> dict[str, Any]:
    pin = Pin.decode(contact.pin)
    return {
        "address": str(contact.address),
        "passport": bytes(pin.pid).hex(),
        "tier": pin.tier.name.lower(),
        "state": (await store.relations.of(pin.pid)).name.lower(),
        "chain": _base64(contact.chain),
    }


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
