from email import message_from_bytes
from email.policy import default

from gateway.greeting.words import echo_of, question, welcome, welcome_id
from mx_core.model.address import Address

OWN = Address.parse("alice@a.example")


def test_both_messages_are_plain_mail_of_the_person() -> None:
    asked, asked_id = question(OWN, 1_790_000_000, "abc")
    for octets, to, known in (
        (welcome(OWN, 1_790_000_000), "alice@a.example", welcome_id(OWN)),
        (asked, "echo@a.example", asked_id),
    ):
        message = message_from_bytes(octets, policy=default)

        assert octets.isascii()
        assert b"\n" not in octets.replace(b"\r\n", b"")
        assert message["From"].addresses[0].addr_spec == "alice@a.example"
        assert message["To"].addresses[0].addr_spec == to
        assert message["Message-ID"] == f"<{known.decode()}>"
        assert message["Auto-Submitted"] is None  # an echo answers no program
        assert message.get_content()


def test_the_welcome_names_the_echo_and_is_known_again() -> None:
    text = message_from_bytes(welcome(OWN, 1), policy=default).get_content()

    assert str(echo_of(OWN)) in text
    assert welcome_id(OWN) == welcome_id(Address.parse("alice@a.example"))
    assert welcome_id(OWN) != welcome_id(Address.parse("bob@a.example"))


def test_a_person_whose_name_is_not_ascii_is_greeted() -> None:
    octets = welcome(Address.parse("zoë@a.example"), 1)

    assert octets.isascii()
