"""A stranger writes: to Requests, told once, accepted by a move, blocked by another."""

import re
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from mx_core.mail_programs.mail_settings import MailSettings
from tests.support.clients import about, imap, messages, wait_until, write

pytestmark = pytest.mark.fleet


def holds(settings: MailSettings, mailbox: str, subject: str) -> bool:
    wanted = f"Subject: {subject}\r\n".encode()
    return any(wanted in octets for octets in messages(settings, mailbox))


def move_all(settings: MailSettings, source: str, target: str) -> None:
    with imap(settings) as client:
        client.select(source)
        assert client.uid("MOVE", "1:*", target)[0] == "OK"


def test_a_stranger_is_let_in_by_a_move_and_shut_out_by_another(world: World) -> None:
    stranger = world.add_person(world.bob, "stranger")
    me = world.alice.known
    write(stranger, me.address, "may-i")
    wait_until(lambda: holds(me, "Requests", "may-i"))
    assert not about(me, "may-i")
    wait_until(lambda: bool(about(me, "wrote to you for the first time")))
    (note,) = about(me, "wrote to you for the first time")
    assert b"stranger@b.example" in note

    move_all(me, "Requests", "INBOX")
    write(stranger, me.address, "let-in")
    wait_until(lambda: bool(about(me, "let-in")))

    with imap(me) as client:
        client.select("INBOX")
        found = client.uid("SEARCH", "SUBJECT", "let-in")[1][0].decode()
        assert client.uid("MOVE", found, "Junk")[0] == "OK"
    write(stranger, me.address, "shut-out")
    wait_until(lambda: holds(me, "Junk", "shut-out"))
    wait_until(lambda: holds(me, "Gateway", "stranger@b.example is blocked"))

    write(me, stranger.address, "sorry")
    wait_until(lambda: bool(about(stranger, "sorry")))
    write(stranger, me.address, "again")
    wait_until(lambda: bool(about(me, "again")))


def test_the_page_lets_in_and_shuts_out_as_a_mail_program_does(world: World) -> None:
    stranger = world.add_person(world.alice, "asks-the-page")
    me = world.bob.known  # alice is told once a day who asks, and another test waits for that
    account = {"account": me.address}
    write(stranger, me.address, "knock")
    wait_until(lambda: holds(me, "Requests", "knock"))
    link = run(["gateway", "--home", str(world.bob.gateway_dir), "page"]).strip()
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    with httpx.Client(base_url=origin, headers={"origin": origin}) as browser:
        browser.get(link)
        asked = browser.get("/requests", params=account).text
        row = next(each for each in asked.split("<tr>") if stranger.address in each)
        (who,) = set(re.findall(r'name="id" value="([0-9a-f]+)"', row))
        words = browser.get("/contact", params={**account, "contact": stranger.address})

        def answers(answer: str) -> None:
            form = {**account, "id": who, "answer": answer}
            assert browser.post("/requests", data=form).status_code == 303

        answers("block")
        write(stranger, me.address, "blocked")
        wait_until(lambda: holds(me, "Junk", "blocked"))
        assert holds(me, "Junk", "knock")
        answers("undo")
        assert holds(me, "Requests", "knock")
        answers("accept")
        write(stranger, me.address, "come-in")
        wait_until(lambda: bool(about(me, "come-in")))
        left = browser.get("/requests", params=account).text

    assert "knock" in row
    assert words.text.count("<li><code>") == 16
    assert who not in left
    assert about(me, "knock")
    assert about(me, "blocked")
