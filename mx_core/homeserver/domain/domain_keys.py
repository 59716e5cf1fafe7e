"""All keys that speak, spoke or will speak for this domain: what a change of the key leaves behind.

``domain.key`` is the active key, ``domain-next.key`` the one to come, and ``domain.rolls`` holds
each old key's word for its successor; who is active follows from the first, so no crash between two
files leaves a contradiction.  The steps, with time for caches between them:

| step | the document says | the record names |
|---|---|---|
| ``begin`` | the new key is next, and the old one has signed for it | both |
| ``roll`` | both are active, the new one signs | both |
| ``retire`` | the old one is retired | the new one |

A peer that has remembered the old key follows the word; docs/spec/discovery.md §6.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mx_core.db.durable import sync_directory, write_file
from mx_core.discovery.document import DomainKey, KeyState, Roll, sign_roll, verify_roll
from mx_core.homeserver.config import KEY_FILE_NAME, NEXT_KEY_FILE_NAME, ROLLS_FILE_NAME
from mx_core.homeserver.domain import domain_key
from mx_core.model.errors import BadConfiguration, Refused

CACHES_SECONDS: Final = 3 * 86_400  # a record's life in caches, and that of what was found by it
_KEY_SECONDS: Final = 10 * 365 * 86_400
_BACKDATED_SECONDS: Final = 300
_ROLLS_MAX: Final = 7  # of the eight keys that a document holds


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the key; times in unix seconds, 0 for what has not been done."""

    roll: Roll
    begun: int
    rolled: int = 0
    retired: int = 0


@dataclass(frozen=True, slots=True)
class DomainKeys:
    """The active key and the changes that led to it or lead on."""

    active: bytes
    changes: tuple[Change, ...] = ()

    @property
    def coming(self) -> Change | None:
        """Return the change that has begun and is not rolled."""
        return next((each for each in self.changes if each.roll.old_key == self.active), None)

    @property
    def ending(self) -> Change | None:
        """Return the change whose old key still counts."""
        return next(
            (
                each
                for each in self.changes
                if each.roll.new_key == self.active and not each.retired
            ),
            None,
        )

    @property
    def published(self) -> tuple[bytes, ...]:
        """Return the keys that the record names."""
        others = [self.coming.roll.new_key] if self.coming else []
        others += [self.ending.roll.old_key] if self.ending else []
        return (self.active, *others)

    @property
    def rolls(self) -> tuple[Roll, ...]:
        """Return the old keys' words."""
        return tuple(each.roll for each in self.changes)

    def in_document(self, now: float) -> tuple[DomainKey, ...]:
        """Return the keys as the server document lists them at *now*."""
        since = int(now) - _BACKDATED_SECONDS
        until = since + _KEY_SECONDS
        keys = [DomainKey(KeyState.ACTIVE, self.active, since, until)]
        for change in self.changes:
            if change is self.coming:
                keys.append(DomainKey(KeyState.NEXT, change.roll.new_key, since, until))
            else:
                state = KeyState.ACTIVE if change is self.ending else KeyState.RETIRED
                keys.append(DomainKey(state, change.roll.old_key, change.begun, until))
        return tuple(keys)


def load(folder: Path, active: bytes) -> DomainKeys:
    """Return what *folder* says of the keys of which *active* is in use.

    Raises:
        BadConfiguration: ``domain.rolls`` cannot be read.
    """
    path = folder / ROLLS_FILE_NAME
    try:
        tree = json.loads(path.read_text(encoding="ascii"))
        return DomainKeys(active, tuple(_change(each) for each in tree))
    except FileNotFoundError:
        return DomainKeys(active)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadConfiguration(f"{path} cannot be read: copy it back from a backup") from error


def begin(folder: Path, domain: str, now: float) -> DomainKeys:
    """Make the next key, and have the active one sign for it.

    Raises:
        Refused: A change is under way, or there have been too many.
        DiskFull: No room; nothing has begun.
    """
    old = domain_key.load(domain_key.place(folder)).reveal()
    keys = load(folder, bytes(old.verify_key))
    if keys.coming or keys.ending:
        raise Refused("a change of the key is under way: mx-home domain-key show")
    place = folder / NEXT_KEY_FILE_NAME
    # Crash after this: a next key that nobody has heard of, and begin goes on with it.
    new = domain_key.load(place) if place.exists() else domain_key.make(place)
    roll = sign_roll(domain, old, bytes(new.reveal().verify_key))
    changes = (*keys.changes, Change(roll, int(now)))[-_ROLLS_MAX:]
    return _written(folder, replace(keys, changes=changes))


def roll(folder: Path, domain: str, now: float, *, at_once: bool = False) -> DomainKeys:
    """Make the next key the active one; the server signs with it from its next start on.

    Raises:
        Refused: None is next, it has been for too short a time, or the key is a credential.
    """
    if domain_key.place(folder) != folder / KEY_FILE_NAME:
        raise Refused(
            f"the domain key is a credential of the service manager: make "
            f"{folder / NEXT_KEY_FILE_NAME} that credential, and start mx-home again"
        )
    keys = load(folder, bytes(domain_key.load(folder / KEY_FILE_NAME).reveal().verify_key))
    change = keys.coming
    if change is None:
        raise Refused("there is no next key: mx-home domain-key begin")
    _must_have_waited(change.begun, now, at_once=at_once)
    new = bytes(domain_key.load(folder / NEXT_KEY_FILE_NAME).reveal().verify_key)
    if new != change.roll.new_key:
        raise Refused(f"{folder / NEXT_KEY_FILE_NAME} is not the key that was signed for")
    verify_roll(domain, change.roll)
    # Crash before the rename: the old key is active, with a date of no meaning.  After it: the new
    # one is.  The old private key is gone with the rename; a backup of it is worth guarding.
    changes = tuple(
        replace(each, rolled=int(now)) if each is change else each for each in keys.changes
    )
    _written(folder, replace(keys, changes=changes))
    (folder / NEXT_KEY_FILE_NAME).rename(folder / KEY_FILE_NAME)
    sync_directory(folder)
    return load(folder, new)


def retire(folder: Path, now: float, *, at_once: bool = False) -> DomainKeys:
    """Let the key before the active one count no more.

    Raises:
        Refused: There is none, or what it has signed is still on its way.
    """
    active = bytes(domain_key.load(domain_key.place(folder)).reveal().verify_key)
    keys = load(folder, active)
    change = keys.ending
    if change is None:
        raise Refused("no old key counts any more: mx-home domain-key show")
    _must_have_waited(change.rolled or change.begun, now, at_once=at_once)
    changes = tuple(
        replace(each, retired=int(now)) if each is change else each for each in keys.changes
    )
    return _written(folder, replace(keys, changes=changes))


def _must_have_waited(since: int, now: float, *, at_once: bool) -> None:
    left = since + CACHES_SECONDS - now
    if left > 0 and not at_once:
        raise Refused(
            f"others may not have heard of the step before: wait {left / 3600:.0f} h more, or --now"
        )


def _written(folder: Path, keys: DomainKeys) -> DomainKeys:
    tree = [
        {
            "old": _text(each.roll.old_key),
            "new": _text(each.roll.new_key),
            "signature": _text(each.roll.signature),
            "begun": each.begun,
            "rolled": each.rolled,
            "retired": each.retired,
        }
        for each in keys.changes
    ]
    write_file(folder / ROLLS_FILE_NAME, json.dumps(tree, indent=1).encode())
    return keys


def _change(tree: dict[str, Any]) -> Change:
    roll = Roll(
        *(base64.b64decode(tree[name], validate=True) for name in ("old", "new", "signature"))
    )
    return Change(roll, int(tree["begun"]), int(tree["rolled"]), int(tree["retired"]))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
