"""What rides on write jobs: a lone change carries nothing, and the next job that is the writer's all of it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mx_core.db import lone
from mx_core.model.flags import SEEN
from mx_core.ports import FlagChange, MailWriter, NewMail
from mx_core.store.forms import late, runs
from mx_core.store.mail.mail import Mail
from tests.support.mail_steps import OCTETS, box, expunge, fill, snapshot
from tests.support.stores import Clock
from tests.support.writing_thread import come_to_rest

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _whatever_the_disk_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lone, "HELD_SECONDS", 60)


async def written(mail: Mail, job: Callable[[MailWriter], int]) -> int:
    done = mail.write_here(job)
    return done[0] if done is not None else await mail.write(job)


async def changed(mail: Mail) -> bool:
    """Make a lone change; tell whether it was committed on this thread."""
    come_to_rest(mail._database)
    inbox, [*_, newest] = (await box(mail)).id, (await snapshot(mail)).uids

    def job(writer: MailWriter) -> int:
        writer.store_flags(inbox, [newest], FlagChange.ADD, frozenset({SEEN}))
        return threading.get_ident()

    return await written(mail, job) == threading.get_ident()


def files(folder: Path) -> int:
    return len(list((folder / "bodies").iterdir()))


async def test_what_may_be_swept_is_left_to_the_next_job(
    mail: Mail, clock: Clock, tmp_path: Path
) -> None:
    await fill(mail, octets=OCTETS * 12_000)
    await expunge(mail, list((await snapshot(mail)).uids))
    await fill(mail)
    clock.at += 1_000

    assert await changed(mail)
    assert files(tmp_path) == 1, "the loop does not wait for a sweep"
    assert not await changed(mail)
    assert files(tmp_path) == 0
    assert await changed(mail), "and nothing is due any more"


async def test_forms_that_wait_are_made_by_the_next_job(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "WAITING_MAX", 1)
    await fill(mail)
    mail.riding.late.note([((await snapshot(mail)).messages[0], len(OCTETS))])

    assert await changed(mail)
    assert mail.riding.late.full
    assert not await changed(mail)
    assert not mail.riding.late.full
    assert await changed(mail)


async def test_runs_are_packed_by_the_next_job_and_each_once(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[int] = []
    monkeypatch.setattr(runs, "RUN_BITS", 1)
    monkeypatch.setattr(runs, "pack_next", lambda _connection, newest: packed.append(newest))
    await fill(mail)
    packed.clear()
    inbox = (await box(mail)).id
    octets = await mail.read(lambda reader: reader.octets(reader.snapshot(inbox).messages[0]))

    def job(writer: MailWriter) -> int:
        for _ in range(4):
            writer.append_all(inbox, [NewMail(octets, None, frozenset())])
        return threading.get_ident()

    come_to_rest(mail._database)
    assert await written(mail, job) == threading.get_ident()
    assert packed == []
    assert not await changed(mail)
    assert len(packed) == 2
    assert await changed(mail)
    assert len(packed) == 2
