"""Every form in which a mail program may say what it wants, each in a conversation of its own."""

import base64

import pytest

from tests.support.submission import dialog, logged_in, plain, submission_door

pytestmark = pytest.mark.anyio

FORMS = [
    ("MAIL FROM:<>", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> SIZE=1000", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> BODY=8BITMIME", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> SMTPUTF8", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> RET=HDRS ENVID=QQ314159", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> RET=FULL", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> AUTH=<>", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> AUTH=alice+40a.example", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> HOLDFOR=60", "250 2.1.0"),
    ('MAIL FROM:<"alice"@a.example>', "250 2.1.0"),
    ('MAIL FROM:<"a b"@a.example>', "250 2.1.0"),
    ("MAIL FROM:<a@[127.0.0.1]>", "250 2.1.0"),
    ("mail from:<Alice@A.Example>", "250 2.1.0"),
    ("MAIL FROM: <alice@a.example>", "250 2.1.0"),
    ("MAIL FROM:<@relay.example:alice@a.example>", "250 2.1.0"),
    ("MAIL FROM:<alice@a.example> FOO=BAR", "555 5.5.4"),
    ("MAIL FROM:<pröbe@a.example>", "553 5.6.7"),
    ("MAIL FROM:<pröbe@a.example> SMTPUTF8", "550 5.7.1"),
    ("MAIL FROM:<alice@a.example> HOLDFOR=none", "501 5.5.4"),
]


@pytest.mark.parametrize(("command", "answer"), FORMS)
async def test_every_form_of_mail_has_its_answer(command: str, answer: str) -> None:
    async with submission_door() as door, logged_in(door) as client:
        assert (await client.say(command)).startswith(f"{answer} ")


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@B.example", "250 2.1.5"),
        (" notify=never", "250 2.1.5"),
        (" NOTIFY=NEVER,SUCCESS", "501 5.5.4"),
        (" ORCPT=rfc822;", "501 5.5.4"),
    ],
)
async def test_every_form_of_rcpt_has_its_answer(parameters: str, answer: str) -> None:
    async with submission_door() as door, logged_in(door) as client:
        await client.say("MAIL FROM:<alice@a.example>")

        assert (await client.say(f"RCPT TO:<bob@b.example>{parameters}")).startswith(f"{answer} ")


@pytest.mark.parametrize(
    "command",
    [f"AUTH PLAIN {plain()}", f"auth plain {plain()}", f"Auth pLaIn {plain()}"],
)
async def test_mechanisms_have_no_case(command: str) -> None:
    async with submission_door() as door, dialog(door.clear) as client:
        await client.say("EHLO x")

        assert (await client.say(command)).startswith("235 2.7.0 ")


async def test_a_long_response_of_another_mechanism_is_no_line_too_long() -> None:
    token = base64.b64encode(b"x" * 3000).decode()
    async with submission_door() as door, dialog(door.clear) as client:
        await client.say("EHLO x")

        assert (await client.say(f"AUTH XOAUTH2 {token}")).startswith("504 5.5.4 ")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(b"A" * 998, b"A" * 998), (b"..dot\r\n...two\r\n.x\r\nlast", b".dot\r\n..two\r\nx\r\nlast")],
)
async def test_long_lines_and_dots_are_taken(sent: bytes, kept: bytes) -> None:
    async with submission_door() as door, logged_in(door) as client:
        await client.say("MAIL FROM:<alice@a.example>")
        await client.say("RCPT TO:<bob@b.example>")
        await client.say("DATA")

        assert (await client.say(b"a: b\r\n\r\n" + sent + b"\r\n.\r\n")).startswith("250 2.0.0 ")
        assert [each.octets.partition(b"\r\n\r\n")[2] for each in door.kept] == [kept + b"\r\n"]
