"""Waiting for octets until a deadline, over a transport that is only told what to say."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from imap_out.duplex import Duplex

pytestmark = pytest.mark.anyio


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


async def opened(sock: socket.socket) -> Duplex:
    loop = asyncio.get_running_loop()
    _, duplex = await loop.create_connection(lambda: Duplex(lambda _duplex: None), sock=sock)
    return duplex


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_nothing_until_the_deadline_is_told_and_the_next_wait_is_a_new_one(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])

    with pytest.raises(TimeoutError):
        await duplex.readable_until(soon(0.02))
    pair[1].send(b"a")
    await duplex.readable_until(soon(5))

    assert duplex.take() == b"a"
    duplex.transport.close()


async def test_a_deadline_that_comes_later_replaces_the_one_before(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    pair[1].send(b"a")
    await duplex.readable_until(soon(0.02))
    duplex.take()
    asyncio.get_running_loop().call_later(0.06, pair[1].send, b"b")

    await duplex.readable_until(soon(5))

    assert duplex.take() == b"b"
    duplex.transport.close()


async def test_a_deadline_that_comes_earlier_is_kept(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    pair[1].send(b"a")
    await duplex.readable_until(soon(5))
    duplex.take()

    with pytest.raises(TimeoutError):
        await duplex.readable_until(soon(0.02))
    duplex.transport.close()


async def test_a_deadline_that_is_past_is_told_whatever_has_come(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    pair[1].send(b"a")
    await duplex.readable_until(soon(5))

    with pytest.raises(TimeoutError):
        await duplex.readable_until(soon(-0.01))
    duplex.transport.close()


async def test_an_alarm_that_rings_while_nobody_waits_wakes_nobody(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    pair[1].send(b"a")
    await duplex.readable_until(soon(5))
    duplex.take()
    with pytest.raises(TimeoutError):
        await duplex.readable_until(soon(0.01))
    waiting = asyncio.ensure_future(duplex.readable())
    done, _ = await asyncio.wait({waiting}, timeout=0.03)

    assert not done
    waiting.cancel()
    duplex.transport.close()


async def test_the_end_of_the_peer_ends_a_wait(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    asyncio.get_running_loop().call_later(0.01, pair[1].close)

    await duplex.readable_until(soon(5))

    assert duplex.ended
