"""What tests of a file of frames have in common."""

import os
from collections.abc import Callable
from typing import NoReturn

from mx_core.db.frame_file import FrameFile
from mx_core.db.frames import FrameKey

KEY = FrameKey(b"MX1.test", bytes(range(32)))
STEP = 4096
Open = Callable[..., FrameFile]


def failing(code: int) -> Callable[..., NoReturn]:
    def fails(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    return fails
