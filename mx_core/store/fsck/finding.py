"""What a check found, and what became of it."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, field


class Damage(Enum):
    """What can be wrong with an account at rest."""

    PAGES = "database pages"
    MAILBOX = "mailbox"
    SEGMENT = "segment"
    PLACE = "place"
    NUMBERS = "kept numbers"
    TOMBSTONE = "tombstone"
    USES = "uses of a message"
    BODY = "body"
    FORM = "prepared form"
    FILE = "body file"
    JOURNAL = "journal"
    FOLDER = "folder"
    SAVED = "date of saving"
    LONE = "message in no mailbox"


class Finding(Struct, frozen=True):
    """One thing that is wrong.  *sentence* holds ids and numbers, never text of a message."""

    damage: Damage
    sentence: str
    can_be_mended: bool


class Report(Struct):
    """Everything that one check found; *mended* when the repairs were committed."""

    findings: list[Finding] = field(default_factory=list)
    mailboxes: int = 0
    messages: int = 0
    mended: bool = False

    def mendable(self, damage: Damage, sentence: str) -> None:
        """Note what a repair puts right."""
        self.findings.append(Finding(damage, sentence, can_be_mended=True))

    def lost(self, damage: Damage, sentence: str) -> None:
        """Note what no repair brings back."""
        self.findings.append(Finding(damage, sentence, can_be_mended=False))

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong, or nothing any more."""
        return all(self.mended and finding.can_be_mended for finding in self.findings)
