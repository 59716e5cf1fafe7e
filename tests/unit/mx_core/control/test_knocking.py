"""What serves is made at the first connection, on a thread, and once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from mx_core.control.knocking import serve_when_asked

pytestmark = pytest.mark.anyio

ASKED = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Two that are bound; one listens already."""
    made = [socket.socket() for _ in range(2)]
    for one in made:
        one.bind(("127.0.0.1", 0))
    made[0].listen()
    yield made
    for one in made:
        one.close()


class Furnished:
    """Counts how often it was asked for an application, and by which threads."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self) -> ASGIApp:
        self.threads.append(threading.get_ident())
        return PlainTextResponse("here")


async def ask(at: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(*at.getsockname())
    writer.write(ASKED)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[..., None]:
    factory = pytest.importorskip("uvloop").new_event_loop if request.param == "uvloop" else None

    def running(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(story())

    return running


def test_nothing_is_made_before_somebody_connects_and_then_once(
    sockets: list[socket.socket], run: Callable[..., None]
) -> None:
    furnished, stopping = Furnished(), asyncio.Event()
    answers: list[bytes] = []

    async def story() -> None:
        serving = asyncio.ensure_future(serve_when_asked(furnished, sockets, stopping))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert furnished.threads == []
        answers.extend(await asyncio.gather(*(ask(at) for at in (*sockets, *sockets))))
        stopping.set()
        await serving

    run(story)

    assert len(furnished.threads) == 1
    assert furnished.threads != [threading.get_ident()]
    assert all(answer.endswith(b"here") for answer in answers)
    assert all(one.fileno() == -1 for one in sockets)


def test_who_is_never_asked_stops_and_has_made_nothing(
    sockets: list[socket.socket], run: Callable[..., None]
) -> None:
    furnished, stopping = Furnished(), asyncio.Event()

    async def story() -> None:
        serving = asyncio.ensure_future(serve_when_asked(furnished, sockets, stopping))
        await asyncio.sleep(0)
        stopping.set()
        await serving

    run(story)

    assert furnished.threads == []
    assert all(one.fileno() == -1 for one in sockets)


def test_what_can_not_be_made_ends_the_program_as_it_would_at_the_start(
    sockets: list[socket.socket], run: Callable[..., None]
) -> None:
    def broken() -> ASGIApp:
        raise ImportError("a module is missing")

    async def story() -> None:
        serving = asyncio.ensure_future(serve_when_asked(broken, sockets, asyncio.Event()))
        await asyncio.sleep(0)
        with socket.create_connection(sockets[0].getsockname()):
            await serving

    with pytest.raises(ImportError, match="missing"):
        run(story)
    assert all(one.fileno() == -1 for one in sockets)
