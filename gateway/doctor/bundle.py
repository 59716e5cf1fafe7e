"""What may be shown to a stranger who helps: findings and numbers, and nothing that names anybody.

Only what is listed here goes in: known keys with numbers and known words.  Addresses, domains and
paths become names like ``account-1``; every other text is left out.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from gateway.directories import Directories
from mx_core.program.finding import Finding

_LIBRARIES: Final = (
    "mx-gateway", "aioimaplib", "aiosmtpd", "cryptography", "grpcio", "pynacl", "sqlalchemy",
    "sqlcipher3", "starlette", "uvicorn",
)  # fmt: skip
_NUMBERS: Final = ("refused", "connected")
_STATES: Final = ("queued", "sealed", "sent", "held", "relayed", "failed")


def bundle(
    directories: Directories, findings: Iterable[Finding], told: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the document; *told* is what ``GET /status`` says, None while nothing runs."""
    accounts = [] if told is None else told["accounts"]
    names = {str(one["address"]): f"account-{n}" for n, one in enumerate(accounts, 1)}
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "findings": [
            {"said": redacted(one.said, names, directories), "bad": bool(one.do)}
            for one in findings
        ],
        "locked": told is not None and bool(told["locked"]),
        "accounts": [
            {
                **{key: one[key] for key in _NUMBERS},
                "outbox": {s: n for s, n in one["outbox"].items() if s in _STATES},
                "backup": one["backup"]["last"] is not None,
                "waiting_for_index": int(one["search_index"]["waiting"]),
            }
            for one in accounts
        ],
        "files": _files(directories.data),
    }


def redacted(text: str, names: Mapping[str, str], directories: Directories) -> str:
    """Return *text* without addresses, domains and directories."""
    for path in (directories.data, directories.config, directories.runtime):
        text = text.replace(str(path), "DIRECTORY")
    for address in sorted(names, key=len, reverse=True):
        text = text.replace(address, names[address])
    text = re.sub(r"[^\s<>\"']+@[^\s<>\"',;:]+", "ADDRESS", text)
    text = re.sub(r"(?<![\w./-])/[^\s:,;]+", "PATH", text)
    return re.sub(r"\b(?:[\w-]+\.)+[A-Za-z][\w-]*\b", "NAME", text)


def _files(data: Path) -> dict[str, int]:
    """Return how many files there are, and their octets, by what they are for."""
    if not data.is_dir():
        return {}
    found = [path for path in data.rglob("*") if path.is_file()]
    stores = [path for path in found if path.name.startswith("mail.db")]
    bodies = [path for path in found if path.parent.name == "bodies"]
    return {
        "store_octets": sum(path.stat().st_size for path in stores),
        "body_files": len(bodies),
        "body_octets": sum(path.stat().st_size for path in bodies),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return "absent"
