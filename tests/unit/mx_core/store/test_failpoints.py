"""Killed right after a durable step, the next start finds that step done and no other."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mx_core.db import writer
from mx_core.mime.prepare import prepare
from mx_core.model.ids import EnvId, MsgId, Pid
from mx_core.model.mailbox_name import INBOX
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.outbox.reader import State
from mx_core.store.outbox.state import Report
from tests.support.stores import START, STORE_KEY, Clock, form_of, open_store

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.message import Submission
from mx_core.carrier_port import Parcel
from tests.support.stores import START, form_of, open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    me = Address("a", "a.example")
    await store.inbox.receive(msg_id=MsgId(b"m" * 16), env_id=EnvId(b"e" * 32), octets=b"x",
                              form=form_of(b"x"), epoch=1)
    queue_id = await store.outbox.enqueue(Submission(me, (me,), b"octets"))
    await store.outbox.seal(queue_id, me, Parcel(me, EnvId(b"p" * 32), b"env", b"body", START + 9))
    print("done")

asyncio.run(main())
"""


_FETCHING = """
import asyncio, sys
from pathlib import Path
from mx_core.model.address import Address
from mx_core.model.body_name import BodyName
from mx_core.model.ids import EnvId, MsgId, Pid
from mx_core.model.secret import Secret
from mx_core.store.arriving.awaited import Awaited
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people.relation import Author
from tests.support.stores import START, form_of, open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    author = Author(Pid(b"e" * 32), Address("eve", "e.example"))
    one = Awaited(EnvId(b"e" * 32), author, "e.example", BodyName(b"n" * 32, 9), Secret(b"k" * 32),
                  b"statement", b"status", START)
    await store.inbox.receive(msg_id=MsgId(b"m" * 16), env_id=one.env_id, octets=b"x",
                              form=form_of(b"x"), epoch=1, come_from=ComeFrom(author), awaits=one)
    await store.relations.accept(author.pid)
    await store.awaited.store(one, b"y", form_of(b"y"), frozenset())
    print("done")

asyncio.run(main())
"""


_RECEIPTED = """
import asyncio, sys
from pathlib import Path
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, Pid
from mx_core.model.message import Submission
from mx_core.carrier_port import Parcel
from mx_core.store.outbox.state import Report
from tests.support.stores import START, form_of, open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    me = Address("a", "a.example")
    queue_id = await store.outbox.enqueue(Submission(me, (me,), b"octets"))
    parcel = Parcel(me, EnvId(b"p" * 32), b"env", b"body", START + 9)
    await store.outbox.seal(queue_id, me, parcel, Pid(b"b" * 32), digest_of_s=b"d" * 32)
    await store.receipts.delivered(b"d" * 32, 1, Report(b"told", form_of(b"told")))
    print("done")

asyncio.run(main())
"""


_FORMING = """
import asyncio, sys
from pathlib import Path
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import NewMail
from tests.support.stores import open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    new = [NewMail(b"Subject: %d\\r\\n\\r\\nx" % n, None, frozenset(), n) for n in range(40)]
    await store.mail.write(lambda writer: writer.append_all(writer.mailbox(INBOX).id, new))
    while store._database.write_at_start(store.mail.riding.pack_some):
        pass
    print("done")

asyncio.run(main())
"""


_MOVING = """
import asyncio, sys
from pathlib import Path
from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import NewMail
from tests.support.stores import open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    octets = [b"Subject: %d\\r\\n\\r\\n" % n + b"x" * 100_000 for n in range(3)]
    new = [NewMail(each, prepare(each), frozenset(), 1) for each in octets]
    await store.mail.write(lambda writer: writer.append_all(writer.mailbox(INBOX).id, new))
    while store._database.write_at_start(store.mail.riding.pack_some):
        pass
    print("done")

asyncio.run(main())
"""


def killed_at(step: str, folder: Path, program: str = _PROGRAM) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={**os.environ, "MX_FAILPOINT": step},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout == b""


async def _state(store: AccountStore) -> tuple[int, list[State], bool]:
    inbox = await store.mail.read(lambda reader: reader.mailbox(INBOX))
    due = await store.outbox.due(START, 10)
    parcel = await store.outbox.parcel(due[0].queue_id, due[0].recipient) if due else None
    return inbox.messages, [item.state for item in due], parcel is not None


@pytest.mark.crash
@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("stored", (1, [], False)),
        ("committed", (1, [State.QUEUED], False)),
        ("sealed", (1, [State.SEALED], True)),
    ],
)
def test_a_durable_step_is_done_after_a_kill(
    tmp_path: Path, step: str, state: tuple[int, list[State], bool]
) -> None:
    killed_at(step, tmp_path)

    async def story() -> None:
        store = open_store(tmp_path)
        assert await _state(store) == state
        again = await store.inbox.receive(
            msg_id=MsgId(b"m" * 16),
            env_id=EnvId(b"f" * 32),
            octets=b"x",
            form=form_of(b"x"),
            epoch=1,
        )
        assert not again
        store.close()

    asyncio.run(story())


@pytest.mark.crash
@pytest.mark.parametrize(("step", "messages"), [("stored", 0), ("fetched", 1)])
def test_what_is_awaited_is_stored_once_whenever_it_was_cut_off(
    tmp_path: Path, step: str, messages: int
) -> None:
    killed_at(step, tmp_path, _FETCHING)

    async def story() -> None:
        store = open_store(tmp_path)
        await store.relations.accept(Pid(b"e" * 32))
        assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == messages
        due = await store.awaited.due()
        assert len(due) == 1 - messages
        for one in due:
            assert await store.awaited.store(one, b"y", form_of(b"y"), frozenset())
            assert not await store.awaited.store(one, b"y", form_of(b"y"), frozenset())
        assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 1
        store.close()

    asyncio.run(story())


@pytest.mark.crash
@pytest.mark.parametrize(("step", "told"), [("sealed", 0), ("receipted", 1)])
def test_a_receipt_counts_once_whenever_it_was_cut_off(
    tmp_path: Path, step: str, told: int
) -> None:
    """The state, the report and that it was taken are one commit; the letter comes again."""
    killed_at(step, tmp_path, _RECEIPTED)

    async def story() -> None:
        store = open_store(tmp_path)
        assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == told
        known = await store.receipts.sealed(b"d" * 32)
        assert (known is None) == bool(told)
        report = Report(b"told", form_of(b"told"))
        assert await store.receipts.delivered(b"d" * 32, 1, report) == (not told)
        assert not await store.receipts.delivered(b"d" * 32, 1, report)
        assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 1
        assert await store.outbox.unsettled() == []
        store.close()

    asyncio.run(story())


@pytest.mark.crash
@pytest.mark.parametrize("step", ["forming", "forming:2"])
def test_forms_that_a_kill_left_out_are_made_at_the_next_start(tmp_path: Path, step: str) -> None:
    killed_at(step, tmp_path, _FORMING)
    assert check_store(tmp_path, STORE_KEY, Clock(), deep=True).findings == []

    async def story() -> None:
        store = open_store(tmp_path)
        shot = await store.mail.read(lambda reader: reader.snapshot(reader.mailbox(INBOX).id))
        forms = await store.mail.read(lambda reader: reader.forms(shot.messages))
        keyed = store._database.write_at_start(
            lambda connection: connection.exec_driver_sql(
                "SELECT count(*) FROM header_key"
            ).scalar_one()
        )

        assert forms == [prepare(b"Subject: %d\r\n\r\nx" % number) for number in range(40)]
        assert keyed == 40
        store.close()

    asyncio.run(story())


@pytest.mark.crash
@pytest.mark.parametrize(("step", "moved"), [("moving", 0), ("moving:3", 2)])
def test_a_long_body_is_in_its_row_until_a_row_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, moved: int
) -> None:
    killed_at(step, tmp_path, _MOVING)
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)  # here it is asked for step by step
    assert len(list((tmp_path / "bodies").iterdir())) == moved + 1  # one that no row names

    async def story() -> None:
        store = open_store(tmp_path)
        assert len(list((tmp_path / "bodies").iterdir())) == moved
        while store._database.write_at_start(store.mail.riding.pack_some):
            pass
        assert len(list((tmp_path / "bodies").iterdir())) == 3
        shot = await store.mail.read(lambda reader: reader.snapshot(reader.mailbox(INBOX).id))
        for number, message in enumerate(shot.messages):
            octets = await store.mail.read(lambda r, m=message: r.octets(m))  # type: ignore[misc]  # bound now
            assert octets == b"Subject: %d\r\n\r\n" % number + b"x" * 100_000
        store.close()

    asyncio.run(story())
    assert check_store(tmp_path, STORE_KEY, Clock(), deep=True).findings == []
