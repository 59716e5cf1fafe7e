"""What a process that is killed at a system call needs of the disk, loaded before it is forked."""

import pytest

from tests.crash import syscall_flow
from tests.support.stores import migrated

LOADED = (pytest, syscall_flow, migrated())
