"""A process that asked for it leaves no core file."""

import ctypes
import resource
import subprocess
import sys

import pytest

from mx_core.program.memory import _unchanged_files

_CODE = """
import ctypes, resource
from mx_core.program.memory import keep_out_of_dumps
keep_out_of_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_no_core_and_no_debugger() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)

    assert done.stdout == "(0, 0) 0\n"


_LOCKED = """
import resource, sys
from mx_core.program.memory import keep_out_of_swap
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
done = keep_out_of_swap()
grown = bytearray(64 * 1024 * 1024)
held = [l for l in open("/proc/self/status") if l.startswith("VmLck")][0].split()[1]
print(done, int(held) > 64 * 1024)
"""


def locking(limit: int) -> str:
    asked = [sys.executable, "-c", _LOCKED, str(limit)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_under_a_limit_no_memory_is_locked() -> None:
    """Beyond it a process that had locked its memory would get no more."""
    assert locking(8 * 1024 * 1024) == "False False\n"


def test_without_a_limit_all_memory_is_locked() -> None:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY:
        pytest.skip("this user has a limit")

    assert locking(resource.RLIM_INFINITY) == "True True\n"


_CODE_BACK = """
import hashlib, sqlite3, cryptography.x509
from pathlib import Path
from mx_core.program.memory import give_back_code, give_back_heap

def mapped():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssFile:"):
            return int(line.split()[1])

before = mapped()
octets = give_back_code()
after = mapped()
give_back_heap()
works = hashlib.sha256(b"a").hexdigest()[:4], sqlite3.connect(":memory:").execute("SELECT 1").fetchone()
print(octets > 1_000_000, before - after > 2_000, works)
"""


@pytest.mark.parametrize("locked", [False, True])
def test_code_that_is_let_go_of_comes_back_when_it_runs(*, locked: bool) -> None:
    if locked and resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY:
        pytest.skip("this user has a limit")
    lock = "from mx_core.program.memory import keep_out_of_swap\nkeep_out_of_swap()\n"
    code = _CODE_BACK if not locked else lock + _CODE_BACK

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "True True ('ca97', (1,))\n"


def test_what_was_changed_and_what_is_of_no_file_is_left_alone() -> None:
    maps = "".join(
        f"{start:08x}-{start + 4096:08x} {mode} 00000000 fe:00 1 {name}\n"
        f"Rss:                4 kB\nAnonymous:          {changed} kB\nVmFlags: rd ex\n"
        for start, mode, changed, name in (
            (0x1000, "r-xp", 0, "                 /usr/lib/a b.so"),
            (0x2000, "r-xp", 4, "                 /usr/lib/changed.so"),
            (0x3000, "r--p", 0, "                 /usr/lib/constants.so"),
            (0x4000, "r--p", 4, "                 /usr/lib/relocated.so"),
            (0x5000, "r-xp", 0, "                 [vdso]"),
            (0x6000, "rwxp", 0, ""),
            (0x7000, "rw-p", 0, "                 /usr/lib/written.so"),
            (0x8000, "r--s", 0, "                 /home/shared.db-shm"),
        )
    )

    assert list(_unchanged_files(maps)) == [(0x1000, 0x2000), (0x3000, 0x4000)]


_FAULTS = """
import asyncio, resource, sys
from mx_core.program.event_loop import runner

async def read_and_join():
    for _ in range(100):
        pieces = [bytearray(1024 * 1024 + n) for n in range(3)]
        del pieces

if sys.argv[1] == "kept":
    with runner() as running:
        running.run(read_and_join())
else:
    asyncio.run(read_and_join())
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(how: str) -> int:
    asked = [sys.executable, "-c", _FAULTS, how]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)


def test_large_blocks_are_not_cleared_by_the_kernel_again_and_again() -> None:
    """Each mebibyte has 256 pages, each of which would be one fault more for each block."""
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("this allocator is not glibc's")

    assert faults("by default") - faults("kept") > 20_000


_HEAPS = """
import ctypes, sys, threading
from pathlib import Path
from mx_core.program.memory import share_one_heap

def take():
    block = libc.malloc(100_000)
    taken.append(block)
    together.wait()

if sys.argv[1] == "one":
    share_one_heap()
libc, taken = ctypes.CDLL(None), []
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(4)
threads = [threading.Thread(target=take) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
heap = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("[heap]")]
start, end = (int(one, 16) for one in heap[0].split()[0].split("-"))
print(sum(start <= block < end for block in taken))
"""


def of_the_first_heap(how: str) -> int:
    asked = [sys.executable, "-c", _HEAPS, how]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)


def test_threads_take_from_one_heap() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("this allocator is not glibc's")

    assert of_the_first_heap("by default") == 0
    assert of_the_first_heap("one") == 4
