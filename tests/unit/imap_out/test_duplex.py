"""Waiting for octets until a deadline, over a transport that is only told what to say."""

import asyncio
import contextlib
import socket
import zlib
from collections.abc import Callable, Iterator

import pytest

from imap_out.company import Company
from imap_out.duplex import Duplex
from imap_out.lingering import Lingering

pytestmark = pytest.mark.anyio
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
with contextlib.suppress(ImportError):  # an extra, and what writes to the kernel itself
    import uvloop

    LOOPS.append(uvloop.new_event_loop)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


async def opened(sock: socket.socket) -> Duplex:
    loop = asyncio.get_running_loop()
    _, duplex = await loop.create_connection(
        lambda: Duplex(lambda _duplex: None, Lingering(loop), Company()), sock=sock
    )
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


async def test_octets_may_be_answered_without_the_task_while_it_waits(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    pair[1].setblocking(False)
    loop = asyncio.get_running_loop()
    duplex.at_once = lambda octets: octets == b"a" and duplex.write([b"you said ", octets])
    waiting = asyncio.ensure_future(duplex.readable_until(soon(5)))
    await asyncio.sleep(0)

    said = []
    for octets in (b"a", b"a"):
        await loop.sock_sendall(pair[1], octets)
        said.append(await loop.sock_recv(pair[1], 100))

    assert said == [b"you said a"] * 2
    assert not waiting.done()
    await loop.sock_sendall(pair[1], b"b")
    await waiting
    duplex.transport.pause_reading()
    assert duplex.take() == b"b"
    assert (duplex.octets_in, duplex.octets_out) == (3, 20)
    duplex.transport.close()


async def test_nothing_is_answered_without_the_task_that_does_not_wait_or_without_room(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    asked: list[bytes] = []
    duplex.at_once = asked.append  # type: ignore[assignment]  # None: it is for the task
    duplex.data_received(b"nobody waits")
    duplex.take()
    for prepare in (duplex.pause_writing, duplex.wake, duplex.compress):
        waiting = asyncio.ensure_future(duplex.readable_until(soon(5)))
        await asyncio.sleep(0)
        prepare()
        duplex.data_received(b"x")
        await waiting
        duplex.resume_writing()
        duplex.woken = False
        duplex.take() if prepare != duplex.compress else None

    assert asked == []
    duplex.transport.close()


async def test_what_is_answered_at_once_puts_the_deadline_off(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    waiting = asyncio.ensure_future(duplex.readable_until(soon(0.02)))
    await asyncio.sleep(0)
    duplex.deadline = soon(0.06)

    await asyncio.sleep(0.04)

    assert not waiting.done()
    with pytest.raises(TimeoutError):
        await waiting
    duplex.transport.close()


async def test_the_end_of_the_peer_ends_a_wait(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    duplex = await opened(pair[0])
    asyncio.get_running_loop().call_later(0.01, pair[1].close)

    await duplex.readable_until(soon(5))

    assert duplex.ended


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_pieces_arrive_in_order_whatever_their_length(
    loop: Callable[[], asyncio.AbstractEventLoop], compressed: bool
) -> None:
    pieces = [b"head", b"a" * 300_000, b"", b"tail", b"b" * 70_000, b"."]
    few = [b"one", b"", b"two"]
    wanted = b"".join([*pieces, *few])

    async def said() -> bytes:
        with listening() as server:
            reader, writer = await asyncio.open_connection(*server.getsockname())
            accepted, _ = await asyncio.get_running_loop().sock_accept(server)
            duplex = await opened(accepted)
            if compressed:
                duplex.compress()
            for each in (pieces, few):
                if not duplex.write(each):
                    taken = asyncio.ensure_future(duplex.room())
                    heard.append(await reader.read(100_000))
                    await taken
            duplex.transport.close()
            heard.append(await reader.read())
            writer.close()
            assert duplex.octets_out == len(b"".join(heard))
            return b"".join(heard)

    heard: list[bytes] = []
    with asyncio.Runner(loop_factory=loop) as runner:
        octets = runner.run(said())

    assert (
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(octets) if compressed else octets
    ) == wanted


@pytest.mark.parametrize("loop", LOOPS)
def test_only_a_transport_that_says_when_it_is_full_is_given_pieces_as_they_are(
    loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2024-12254: of asyncio, ``writelines`` keeps whatever a client does not read."""

    def never(*_: object) -> None:
        raise AssertionError("writelines")

    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.writelines", never)

    async def has_room() -> bool:
        with listening() as server:
            _, writer = await asyncio.open_connection(*server.getsockname())
            accepted, _ = await asyncio.get_running_loop().sock_accept(server)
            duplex = await opened(accepted)
            room = duplex.write([b"a" * 4_000_000, b"b" * 4_000_000])
            duplex.transport.abort()
            writer.close()
            return room

    with asyncio.Runner(loop_factory=loop) as runner:
        assert not runner.run(has_room())
