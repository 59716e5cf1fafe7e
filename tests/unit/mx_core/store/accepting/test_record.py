"""A submission as a record: nothing of it is lost, and the rows made of it say the same."""

from mx_core.model.address import Address
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.model.notify import Notify, NotifyRequest
from mx_core.store.accepting.record import Recipient, accepted, decoded, encoded

ALICE, BOB, CARL = (Address.parse(f"{who}@a.example") for who in ("alice", "bob", "carl"))


def test_a_record_comes_back_as_it_was() -> None:
    submission = Submission(
        ALICE,
        (BOB, CARL),
        b"Subject: \xff\x00\r\n\r\n",
        hidden=frozenset({CARL}),
        envid="an envid",
        return_full=True,
        wanted={BOB: NotifyRequest(frozenset({Notify.SUCCESS}), "rfc822;Bob@x")},
        not_before=17,
    )
    record = accepted(
        submission,
        QueueId("q"),
        b"1@a.example",
        created=9,
        decided={BOB: ("native", "why"), CARL: ("ordinary", "")},
        msg_ids={BOB: b"b" * 16, CARL: b"c" * 16},
    )

    assert decoded(encoded(record)) == record
    assert record.octets == submission.octets
    assert (record.queue_id, record.sender, record.created) == ("q", "alice@a.example", 9)
    assert (record.size, record.not_before, record.message_id) == (15, 17, b"1@a.example")
    assert (record.envid, record.return_full) == ("an envid", True)
    assert record.recipients == (
        Recipient("bob@a.example", False, b"b" * 16, "native", "why", "success", "rfc822;Bob@x"),
        Recipient("carl@a.example", True, b"c" * 16, "ordinary", "", "delay,failure", ""),
    )
