"""Stop the process dead at a named durable step, when a crash test asks for it.

``MX_FAILPOINT=sealed`` kills at the first time that step is reached, ``sealed:3`` at the third.
Steps: accepted committed replied shown sealed sent acked stored deleted; of the search index:
indexing indexed; of ordinary mail: relayed; of an import, and of mail that is pulled: imported;
of flags pulled and pushed: flagged pushed; of a domain's log: waiting logged witnessed; of the
own passport: appended moved; of admission: tagged franked fetched; of receipts: receipted gave; of a
recovery: restored recovered; of an echo: marked; of the door: handed; of what is sealed anew:
unread told passed asked; of a large body at a home server: put; of long bodies that are written
before their job: ahead, or get their files later: moving; of forms made late: forming; of a lone
change: redo; of a permission by OAuth: token_renewed; of mail that came encrypted and is stored in
clear: decrypted.
"""

from __future__ import annotations

import os
import signal
from typing import Final

MAIL_STEPS: Final = (
    "accepted",
    "committed",
    "replied",
    "shown",
    "sealed",
    "sent",
    "acked",
    "stored",
    "deleted",
)
INDEX_STEPS: Final = ("indexing", "indexed")
RELAY_STEPS: Final = ("relayed",)  # ordinary mail
IMPORT_STEPS: Final = ("imported",)
PULL_STEPS: Final = ("flagged", "pushed")
LOG_STEPS: Final = ("waiting", "logged", "witnessed")
PASSPORT_STEPS: Final = ("appended", "moved")
ADMISSION_STEPS: Final = ("tagged", "franked", "fetched")
RECEIPT_STEPS: Final = ("receipted", "gave")
RECOVERY_STEPS: Final = ("restored", "recovered")
ECHO_STEPS: Final = ("marked",)
DOOR_STEPS: Final = ("handed",)  # ordinary mail, sealed, is the home server's
ANEW_STEPS: Final = ("unread", "told", "passed", "asked")
BODY_STEPS: Final = ("put", "ahead", "moving")  # large, durable and not yet named
FORM_STEPS: Final = ("forming",)  # made, and not yet committed
REDO_STEPS: Final = ("redo",)  # in that log, and not yet committed
PERMISSION_STEPS: Final = ("token_renewed",)  # by the provider, and not yet kept
DECRYPT_STEPS: Final = ("decrypted",)  # and committed
STEPS: Final = (
    *MAIL_STEPS,
    *INDEX_STEPS,
    *RELAY_STEPS,
    *IMPORT_STEPS,
    *PULL_STEPS,
    *LOG_STEPS,
    *PASSPORT_STEPS,
    *ADMISSION_STEPS,
    *RECEIPT_STEPS,
    *RECOVERY_STEPS,
    *ECHO_STEPS,
    *DOOR_STEPS,
    *ANEW_STEPS,
    *BODY_STEPS,
    *FORM_STEPS,
    *REDO_STEPS,
    *PERMISSION_STEPS,
    *DECRYPT_STEPS,
)

_wanted, _, _count = os.environ.get("MX_FAILPOINT", "").partition(":")
_left = int(_count or 1)


def reach(step: str) -> None:
    """Return at once, or never: SIGKILL leaves what a power cut of this process leaves."""
    global _left  # noqa: PLW0603  # counts down to the one death of this process
    if step != _wanted:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
