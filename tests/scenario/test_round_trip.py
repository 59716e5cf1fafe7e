"""alice@a.example and bob@b.example write to each other through real processes."""

from email.message import EmailMessage
from email.policy import SMTP

from gateway.demo.round_trip import play
from gateway.demo.world import World
from tests.support.clients import about, body_of, imap, smtp, wait_until


def letter(sender: str, recipient: str, subject: str, text: str = "hello\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = "Sat, 21 Nov 2026 12:00:00 +0000"
    message["Message-ID"] = f"<{subject}@test.example>"
    message.set_content(text)
    return message


def test_a_message_there_and_one_back_arrive_octet_for_octet(world: World) -> None:
    legs = play(world)

    assert [leg.exact for leg in legs] == [True, True]


def test_each_recipient_gets_one_copy_and_bcc_leaves_no_trace(world: World) -> None:
    message = letter(world.alice.address, world.bob.address, "copies-for-two")
    message["Bcc"] = world.alice.address
    with smtp(world.alice.known) as client:
        client.sendmail(
            world.alice.address,
            [world.bob.address, world.alice.address],
            message.as_bytes(policy=SMTP),
        )

    for reader in (world.bob, world.alice):
        wait_until(lambda reader=reader: len(about(reader.known, "copies-for-two")) == 1)  # type: ignore[misc]  # bound now
    (received,) = about(world.bob.known, "copies-for-two")
    assert b"bcc" not in body_of(received).lower()  # the status has random hex
    assert world.alice.address.encode() in received  # From only


def test_a_message_of_megabytes_travels_whole(world: World) -> None:
    message = letter(world.bob.address, world.alice.address, "megabytes", "x" * 70 + "\n")
    message.add_attachment(
        bytes(range(256)) * 12_000, maintype="application", subtype="octet-stream", filename="a"
    )
    octets = message.as_bytes(policy=SMTP)
    with smtp(world.bob.known) as client:
        client.sendmail(world.bob.address, [world.alice.address], octets)

    wait_until(lambda: len(about(world.alice.known, "megabytes")) == 1)
    (received,) = about(world.alice.known, "megabytes")
    assert body_of(received) == octets


def test_mail_to_nobody_is_refused_while_the_sender_looks_on(world: World) -> None:
    with smtp(world.alice.known) as client:
        client.ehlo()
        client.mail(world.alice.address)
        code, text = client.rcpt("nobody@b.example")
        outside_code, outside = client.rcpt("somebody@outside.example")

    assert code == 550
    assert text.startswith(b"5.1.1 ")
    assert outside_code == 550
    assert b"outside.example" in outside


def test_an_idle_session_is_told_of_new_mail(world: World) -> None:
    with imap(world.bob.known) as client:
        told = client.select("INBOX")[1][0]
        assert told is not None, "how many there are"
        count = int(told)
        client.send(b"x IDLE\r\n")
        assert client.readline().startswith(b"+")
        with smtp(world.alice.known) as sender:
            message = letter(world.alice.address, world.bob.address, "ring")
            sender.sendmail(world.alice.address, [world.bob.address], message.as_bytes(policy=SMTP))

        lines = [client.readline()]
        while b"EXISTS" not in lines[-1]:
            lines.append(client.readline())
        client.send(b"DONE\r\n")
        while not (line := client.readline()).startswith(b"x OK"):
            assert line.startswith(b"* ")

    assert lines[-1].strip() == b"* %d EXISTS" % (count + 1)
