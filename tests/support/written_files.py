"""What a process wrote to files, as strace(1) saw it: every path, whatever its name."""

from __future__ import annotations

import re
from pathlib import Path

CALLS = "open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat"
_OPENED = re.compile(
    r'\b(?:open|openat|openat2|creat)\([^"]*"([^"]*)"[^)]*\b(?:O_WRONLY|O_RDWR|O_CREAT)'
)
_WROTE = re.compile(
    r"\b(?:write|writev|pwrite64|pwritev|pwritev2|sendfile|copy_file_range|splice)\(\d+<(/[^>]*)>"
)
_NAMED = re.compile(r'\b(?:rename\w*|link\w*|symlink\w*|mkdir\w*)\([^"]*"([^"]*)"')


def traced(trace: Path) -> list[str]:
    """Return the words that run a program under strace, with its calls in *trace*."""
    return ["strace", "-f", "-qq", "-y", "-e", f"trace={CALLS}", "-o", str(trace)]


def written_files(trace: Path) -> set[str]:
    """Return the paths that were opened for writing, written to, or made."""
    found: set[str] = set()
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        for pattern in (_OPENED, _WROTE, _NAMED):
            found.update(pattern.findall(line))
    return found
