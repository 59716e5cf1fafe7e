"""The control socket: same uid only, one sentence for each refusal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.client import ControlClient
from mx_core.control.server import bind_control, own_or_root, serve_control
from mx_core.model.errors import (
    BadConfiguration,
    Busy,
    NotPermitted,
    PeerUnreachable,
    Refused,
    StoreDamaged,
    Unavailable,
)

pytestmark = pytest.mark.anyio


async def _echo(request: Request) -> JSONResponse:
    body = await request.json() if request.method == "POST" else dict(request.query_params)
    return JSONResponse({"said": body})


def _raising(error: Exception) -> Callable[[Request], Any]:
    async def answer(_: Request) -> JSONResponse:
        raise error

    return answer


APP = Starlette(
    routes=[
        Route("/echo", _echo, methods=["GET", "POST"]),
        Route("/refused", _raising(Refused("the name is taken"))),
        Route("/forbidden", _raising(NotPermitted("never"))),
        Route("/busy", _raising(Unavailable("later"))),
        Route("/damaged", _raising(StoreDamaged("a blob is missing"))),
    ],
    exception_handlers=dict(EXCEPTION_HANDLERS),
)


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own paths may be too long for a socket
        yield Path(folder) / "control.sock"


@contextlib.asynccontextmanager
async def _running(path: Path, **options: Any) -> AsyncIterator[ControlClient]:
    stopping = asyncio.Event()
    task = asyncio.ensure_future(serve_control(lambda: APP, path, stopping, **options))
    await asyncio.sleep(0)  # its first step binds the socket
    try:
        yield ControlClient(path, "mx-test")
    finally:
        stopping.set()
        await task


async def test_what_is_asked_arrives_and_the_answer_comes_back(path: Path) -> None:
    async with _running(path) as client:
        posted = await asyncio.to_thread(client.post, "/echo", {"a": [1, "ü"]})
        got = await asyncio.to_thread(client.get, "/echo", name="x")

    assert posted == {"said": {"a": [1, "ü"]}}
    assert got == {"said": {"name": "x"}}


@pytest.mark.parametrize(
    ("where", "error", "sentence"),
    [
        ("/refused", Refused, "the name is taken"),
        ("/forbidden", NotPermitted, "never"),
        ("/busy", Unavailable, "later"),
        ("/damaged", Refused, "a blob is missing"),
    ],
)
async def test_an_error_keeps_its_sentence(
    path: Path, where: str, error: type[Exception], sentence: str
) -> None:
    async with _running(path) as client:
        with pytest.raises(error, match=sentence):
            await asyncio.to_thread(client.get, where)


async def test_an_answer_that_is_not_json_is_told(path: Path) -> None:
    async with _running(path) as client:
        with pytest.raises(Unavailable, match="not JSON"):
            await asyncio.to_thread(client.get, "/nowhere")


async def test_the_socket_is_closed_to_others_and_gone_afterwards(path: Path) -> None:
    async with _running(path):
        mode = await asyncio.to_thread(lambda: stat.S_IMODE(path.stat().st_mode))

    assert mode == 0o600
    assert not await asyncio.to_thread(path.exists)


async def test_another_uid_is_cut_off_without_an_answer(path: Path) -> None:
    async with _running(path, allowed=lambda uid: uid != os.getuid()):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /echo HTTP/1.1\r\nHost: control\r\n\r\n")
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
        writer.close()

    assert answer == b""


async def test_a_socket_that_a_killed_process_left_is_replaced(path: Path) -> None:
    bind_control(path).close()

    async with _running(path) as client:
        assert await asyncio.to_thread(client.get, "/echo") == {"said": {}}


async def test_a_second_process_is_told_that_one_is_running(path: Path) -> None:
    async with _running(path):
        with pytest.raises(Busy, match="already answers"):
            await asyncio.to_thread(bind_control, path)


def test_a_directory_open_to_others_is_refused(path: Path) -> None:
    path.parent.chmod(0o755)

    with pytest.raises(BadConfiguration, match="chmod 700"):
        bind_control(path)


def test_a_path_too_long_for_a_socket_is_refused(path: Path) -> None:
    with pytest.raises(BadConfiguration, match="too long"):
        bind_control(path.parent / ("x" * 120))


def test_a_daemon_that_is_not_running_is_named(path: Path) -> None:
    with pytest.raises(PeerUnreachable, match="mx-test is not running"):
        ControlClient(path, "mx-test").get("/echo")


def test_a_gateway_that_is_not_running_is_told_with_what_starts_it(path: Path) -> None:
    with pytest.raises(
        PeerUnreachable, match=r"is not running \(.*\): start it with mx-gateway up$"
    ):
        ControlClient(path, "mx-gateway").get("/status")


def test_an_operators_socket_answers_its_user_and_root_and_nobody_else() -> None:
    me = os.getuid()

    assert [uid for uid in (me, 0, me + 1, 65_534, -1) if own_or_root(uid)] == [me, 0]
