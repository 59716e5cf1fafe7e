"""What the system does with a process's memory: no core file, no swap, and back what is not needed.

core(5), prctl(2) PR_SET_DUMPABLE: afterwards no debugger of the same user attaches either; mlockall(2);
madvise(2), mallopt(3), malloc_trim(3).  What a system does not know is left alone.
"""

from __future__ import annotations

import ctypes
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4  # pages that are used, not all that is mapped; Linux 4.4
_MADV_DONTNEED: Final = 4
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_FROM_HEAP_OCTETS: Final = 2 * 1024 * 1024  # what one reading gives, and what is sent at once
_KEPT_FREE_OCTETS: Final = 4 * 1024 * 1024  # at the end of each heap
_MAPS: Final = Path("/proc/self/smaps")
_OF_A_FILE: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +/")


def keep_out_of_dumps() -> None:
    """Make this process leave no core file; what the system does not know is left alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_out_of_swap() -> bool:
    """Lock this process's memory, now and later; return whether it is locked.

    Only where there is no limit (RLIMIT_MEMLOCK): under one, whoever needs memory beyond it gets
    none, and the process would end instead of being swapped.
    """
    _, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    libc = ctypes.CDLL(None)
    if most != resource.RLIM_INFINITY or not hasattr(libc, "mlockall"):
        return False
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
    return bool(libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def keep_freed_blocks() -> None:
    """Take large blocks from the heap, and keep some of it that is free, for the next of them.

    By its defaults glibc maps each block of 128 KiB anew, and gives back what is free at the end of a heap beyond
    as much: whoever reads and joins by the quarter of a mebibyte has each page of it cleared by the kernel
    each time, a fifth of a first list of headers.  ``give_back_heap`` gives back what is kept.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _FROM_HEAP_OCTETS)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE_OCTETS)


def share_one_heap() -> None:
    """Let all threads take from one heap; call before there is a second thread.

    By its defaults glibc begins one for each thread, up to eight for each core.  What is free at the end of any but
    the first is not given back by ``give_back_heap``, and each has a part that nothing fills.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)


def give_back_heap() -> None:
    """Return to the system the pages that the allocator holds free."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc
        libc.malloc_trim(0)


def give_back_code() -> int:
    """Let go of machine code and constants of libraries that are in memory; return of how many octets.

    What is used comes back from its file, most of it without reading the disk.  Of 40 MB of code that
    libraries map, a start runs through 36 and what follows needs 12; of 15 MB beside it (names, relocations,
    tables, texts) what follows reads 5.  Only what is as it stands in the file: what was changed here would
    come back unchanged.
    """
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "madvise") and _MAPS.exists()):
        return 0
    return sum(
        end - start
        for start, end in _unchanged_files(_MAPS.read_text(encoding="utf-8", errors="replace"))
        # Locked memory is not let go of, and what everybody can read in a file is no secret.
        if libc.munlock(ctypes.c_void_p(start), ctypes.c_size_t(end - start)) == 0
        and libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED) == 0
    )


def _unchanged_files(maps: str) -> Iterator[tuple[int, int]]:
    """Yield the first and the next address of what *maps*, smaps of proc(5), has of files and nobody can write to."""
    mapped: tuple[int, int] | None = None
    for line in maps.splitlines():
        if " kB" in line:
            if mapped is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
                yield mapped
        elif not line.startswith("VmFlags:"):
            found = _OF_A_FILE.match(line)
            mapped = (int(found[1], 16), int(found[2], 16)) if found else None
