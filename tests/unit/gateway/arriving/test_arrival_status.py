import pytest
from msgspec.structs import replace

from gateway.arriving.arrival_status import sender_status, with_message
from gateway.arriving.senders import JudgedSender
from gateway.arriving.status_block import Mail
from mx_core.directory.reader_check import SenderClaim, verify_sender
from mx_core.envelope.statement import Kind, PersonSender, Statement
from mx_core.model.address import Address
from mx_core.model.ids import MsgId, Pid
from mx_core.store.people.contact import Contact
from mx_core.trust.decide import Cause, Decision, Level
from mx_core.trust.pin import Pin
from tests.support.people import NOW, Person, domain_pk, make_person

PLAIN = b"From: Alice <alice@a.example>\r\nSubject: x\r\n\r\nhello\r\n"


def judged(person: Person, pin: Pin | None) -> JudgedSender:
    state, device = person.state, person.first
    verdict = verify_sender(
        person.proof(),
        SenderClaim(person.address, state.pid, device.id, state.seq, state.head, NOW),
        domain_keys=[domain_pk()],
        pin=pin,
        now=NOW,
        known_chain=person.chain if pin is not None else b"",
    )
    by = PersonSender(state.pid, device.id, state.seq, state.head)
    contact = Contact(person.address, verdict.pin.encode(), verdict.chain)
    return JudgedSender(person.address, by, verdict, contact)


def statement(sender: JudgedSender, deliver_by: int = NOW + 100) -> Statement:
    return Statement(
        msg_id=MsgId(bytes(16)),
        sender=str(sender.address),
        recipient_pid=Pid(bytes(32)),
        created=NOW,
        deliver_by=deliver_by,
        body_commit=b"",
        body_hash=b"",
        length=0,
        text_hash=b"",
        suite=1,
        ctx=b"",
        kind=Kind.MAIL,
        ext_hash=b"",
        by=sender.by,
    )


def notes_of(message: bytes, sender: JudgedSender, received: int = NOW) -> tuple[str, ...]:
    return with_message(sender_status(statement(sender), sender, received), message).notes


def test_a_first_message_is_network_mail_by_a_pinned_sender() -> None:
    sender = judged(make_person(), pin=None)
    status = with_message(sender_status(statement(sender), sender, NOW), PLAIN)

    assert status.mail is Mail.NETWORK
    assert status.sender == Address.parse("alice@a.example")
    assert status.trust == "implicit"
    assert status.device == sender.by.device_id
    assert status.notes == ("first-contact",)


def test_a_later_message_has_nothing_to_note() -> None:
    person = make_person()

    assert notes_of(PLAIN, judged(person, person.pin())) == ()


def test_a_device_that_came_since_the_pin_is_noted() -> None:
    person = make_person()
    pin = person.pin()
    person.add()

    assert notes_of(PLAIN, judged(person, pin)) == ("devices-changed",)


@pytest.mark.parametrize(
    "field",
    [
        b"From: Alice <mallory@a.example>",
        b"From: alice@a.example, bob@b.example",
        b"From: alice@a.example\r\nFrom: alice@a.example",
        b"Sender: alice@a.example",
        b'From: "alice@a.example" <mallory@b.example>',
        b"From: friends: alice@a.example;, bob@b.example",
    ],
)
def test_a_from_that_is_not_exactly_the_sender_is_noted(field: bytes) -> None:
    person = make_person()
    message = field + b"\r\nSubject: x\r\n\r\nhello\r\n"

    assert notes_of(message, judged(person, person.pin())) == ("from-differs",)


@pytest.mark.parametrize("field", [b"From: ALICE+tag@A.example", b"from: <alice@a.example>"])
def test_a_from_is_compared_in_canonical_form(field: bytes) -> None:
    person = make_person()
    message = field + b"\r\n\r\nhello\r\n"

    assert notes_of(message, judged(person, person.pin())) == ()


def test_a_status_that_somebody_else_wrote_is_noted() -> None:
    person = make_person()
    message = b"MX-Status: 1; mail=network; trust=verified\r\n" + PLAIN

    assert notes_of(message, judged(person, person.pin())) == ("forged-status",)


def test_what_came_after_its_time_is_noted() -> None:
    person = make_person()

    assert notes_of(PLAIN, judged(person, person.pin()), received=NOW + 101) == ("late",)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_note(cause: Cause) -> None:
    first = judged(make_person(), pin=None)
    decision = Decision(Level.NOTE, (cause,))
    sender = replace(first, verdict=replace(first.verdict, decision=decision))

    assert len(notes_of(PLAIN, sender)) == 2  # and the first contact
