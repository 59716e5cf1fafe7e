"""A domain that shows alice another log than everybody else: what others have seen betrays it."""

from __future__ import annotations

import pytest

from gateway.watching.evidence_check import checked
from mx_core.model.errors import Untrusted
from mx_core.trust.log_memory import Told
from tests.support.people import NOW, make_person
from tests.support.watched_domain import (
    alice_and,
    b_example,
    evidence_in,
    send,
    two_faces,
    witnessed,
)

pytestmark = pytest.mark.anyio

ORIGIN = "b.example/mailx-kt"


async def test_a_split_view_is_noticed_by_one_gossiped_checkpoint() -> None:
    honest, face = two_faces()
    async with alice_and(face) as account:
        await account.logs.watched(face.found())
        seen = honest.shown.seen

        await account.logs.hear(ORIGIN, Told(seen.size, seen.root, "carol@b.example"), "b.example")

        assert await send(account) == "refused"
        assert account.network.parcels == []
        found = checked(await evidence_in(account), NOW).found
        assert not found.proved
        assert "carol@b.example" in found.sentence


async def test_a_split_view_is_noticed_and_proved_by_a_witness() -> None:
    honest, face = two_faces()
    face.witnessed = witnessed(honest.shown)
    async with alice_and(face) as account:
        assert await send(account) == "refused"
        assert await send(account) == "refused"

        assert account.network.parcels == []
        told = checked(await evidence_in(account), NOW)  # one letter, not two
        assert told.domain == "b.example"
        assert told.found.proved


async def test_what_others_have_seen_and_the_log_confirms_changes_nothing() -> None:
    domain, _ = b_example()
    seen = domain.shown.seen
    domain.join(make_person("dave@b.example"))
    later = domain.fork().seen
    domain.join(make_person("erin@b.example"))
    async with alice_and(domain) as account:
        await account.logs.watched(domain.found())
        for one in (seen, later):
            told = Told(one.size, one.root, "carol@b.example")
            await account.logs.hear(ORIGIN, told, "b.example")

        assert await send(account) == "sent"

        memory = await account.logs.memory("b.example")
        assert memory is not None
        assert (memory.seen, memory.told) == (domain.shown.seen, ())


async def test_nobody_is_listened_to_about_a_third_domain() -> None:
    domain, _ = b_example()
    async with alice_and(domain) as account:
        await account.logs.watched(domain.found())

        await account.logs.hear(ORIGIN, Told(9, bytes(32), "mallory@c.example"), "c.example")

        assert await send(account) == "sent"


async def test_evidence_that_shows_nothing_is_refused() -> None:
    honest, face = two_faces()
    async with alice_and(face) as account:
        await account.logs.watched(face.found())
        seen = honest.shown.seen
        await account.logs.hear(ORIGIN, Told(seen.size, seen.root, "carol@b.example"), "b.example")
        await send(account)
        bundle = bytearray(await evidence_in(account))

        for at in range(0, len(bundle), 37):
            altered = bytes([*bundle[:at], bundle[at] ^ 1, *bundle[at + 1 :]])
            try:
                assert not checked(altered, NOW).found.proved
            except Untrusted:
                continue
