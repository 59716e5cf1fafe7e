"""One question for all who ask the same at a time; a resolver that counts what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from mx_core.model.errors import PeerUnreachable
from mx_core.resolver.answers import Answers
from mx_core.resolver.settings import ResolverSettings

pytestmark = pytest.mark.anyio
TXT = dns.rdatatype.TXT


class Resolver(asyncio.DatagramProtocol):
    """Answers each question by one TXT record, and not before it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        self.asked.append(question.question[0].to_text())
        self._answering.add(asyncio.create_task(self._answer(question, address)))

    async def _answer(self, question: dns.message.Message, address: tuple[str, int]) -> None:
        await self.let.wait()
        answer = dns.message.make_response(question)
        name = question.question[0].name
        answer.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", f'"{len(self.asked)}"'))
        self._transport.sendto(answer.to_wire(), address)


@asynccontextmanager
async def resolver(lifetime: float = 30.0) -> AsyncIterator[tuple[Resolver, Answers]]:
    loop = asyncio.get_running_loop()
    transport, resolver = await loop.create_datagram_endpoint(Resolver, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        settings = ResolverSettings("127.0.0.1", port, lifetime, lifetime)
        yield resolver, Answers(settings)
    finally:
        transport.close()


async def begun(resolver: Resolver, many: int) -> None:
    while len(resolver.asked) < many:
        await asyncio.sleep(0.001)


async def test_a_hundred_who_ask_the_same_are_one_question() -> None:
    async with resolver() as (there, answers):
        asking = [
            asyncio.create_task(answers.records(name, TXT)) for name in ("a.test", "A.test") * 50
        ]
        other = asyncio.create_task(answers.records("b.test", TXT))
        await begun(there, 2)
        there.let.set()
        found = await asyncio.gather(*asking)
        await other

        assert {len(records) for records in found} == {1}
        assert sorted(there.asked) == ["a.test. IN TXT", "b.test. IN TXT"]


async def test_who_gives_up_takes_the_answer_from_nobody_and_it_is_kept() -> None:
    async with resolver() as (there, answers):
        first = asyncio.create_task(answers.records("a.test", TXT))
        second = asyncio.create_task(answers.records("a.test", TXT))
        await begun(there, 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        there.let.set()

        assert len(await second) == 1
        assert len(await answers.records("a.test", TXT)) == 1
        assert there.asked == ["a.test. IN TXT"]


async def test_that_there_is_no_answer_is_everybodys_answer() -> None:
    async with resolver(lifetime=0.05) as (there, answers):
        asking = [asyncio.create_task(answers.records("a.test", TXT)) for _ in range(3)]
        found = await asyncio.gather(*asking, return_exceptions=True)

        assert [type(each) for each in found] == [PeerUnreachable] * 3
        assert set(there.asked) == {"a.test. IN TXT"}
