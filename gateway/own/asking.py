"""Asking a home server until it has answered: silence is waited out, a refusal is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from mx_core.model.errors import Refused, Unavailable, Untrusted

AGAIN_SECONDS: Final = 60.0


async def until_answered(
    ask: Callable[[], Awaitable[object]], again_seconds: float = AGAIN_SECONDS
) -> Refused | Untrusted | None:
    """Call *ask* until it is not ``Unavailable``; return why it was not done, or None if it was."""
    while True:
        try:
            await ask()
        except Unavailable:
            await asyncio.sleep(again_seconds)
        except (Refused, Untrusted) as error:
            return error
        else:
            return None
