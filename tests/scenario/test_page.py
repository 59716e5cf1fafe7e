"""The page of a running gateway: opened by the command line, closed to other users."""

import http.client
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from mx_core.trail_port import Step
from tests.support.clients import imap, smtp, tell_name

NOBODY = 65_534
_OTHER_USER = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as link:
    link.settimeout(20)
    try:
        link.sendall(b"GET /static/page.css HTTP/1.1\\r\\nHost: 127.0.0.1:" + sys.argv[1].encode())
        link.sendall(b"\\r\\n\\r\\n")
        print(len(link.recv(1)))
    except ConnectionError:
        print(0)
"""


@pytest.fixture
def link(world: World) -> str:
    return run(["gateway", "--home", str(world.alice.gateway_dir), "page"]).strip()


def test_a_link_of_the_command_line_opens_the_page_of_this_gateway(world: World, link: str) -> None:
    with httpx.Client(follow_redirects=True) as browser:
        shown = browser.get(link)
        again = httpx.get(link)

    assert world.alice.address in shown.text
    assert "connected" in shown.text
    assert again.status_code == 401


def test_a_password_made_on_the_page_is_one_and_is_cut_off_there(world: World, link: str) -> None:
    account = world.alice.address
    parts = urlsplit(link)
    with httpx.Client(base_url=f"{parts.scheme}://{parts.netloc}") as browser:
        browser.get(link)
        browser.headers["origin"] = f"{parts.scheme}://{parts.netloc}"
        made = browser.post("/programs", data={"account": account, "name": "mutt at home"})
        listed = browser.get("/programs", params={"account": account})
        cut = browser.post("/programs/revoke", data={"account": account, "name": "mutt at home"})
        after = browser.get("/programs", params={"account": account})

    assert (made.status_code, cut.status_code) == (200, 303)
    assert str(world.alice.known.imap_tls) in made.text
    assert "mutt at home" in listed.text
    assert "mutt at home" not in after.text


def test_a_mail_program_is_seen_to_come_step_by_step(world: World, link: str) -> None:
    account, name = world.alice.address, "laptop"
    parts = urlsplit(link)
    with httpx.Client(base_url=f"{parts.scheme}://{parts.netloc}") as browser:
        browser.get(link)
        browser.headers["origin"] = f"{parts.scheme}://{parts.netloc}"
        made = browser.post("/programs", data={"account": account, "name": name})
        (password,) = re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]+)+)</code>", made.text)
        asked = {"account": account, "name": name}
        before = browser.get("/connect", params=asked).text
        settings = replace(world.alice.known, password=password)
        with imap(settings) as client:
            tell_name(client, "Mutt <b>")
            client.list()
            client.select("INBOX", readonly=True)
            client.fetch("1:*", "(FLAGS)")
        read = browser.get("/connect", params=asked).text
        with smtp(settings) as sender:
            sender.sendmail(account, [account], b"Subject: to myself\r\n\r\nhello\r\n")
        done = browser.get("/connect", params=asked).text

    (told,) = [one for one in world.status(world.alice)["accounts"] if one["address"] == account]
    (program,) = [one for one in told["programs"] if one["name"] == name]
    ticked = [page.partition("The first messages")[0].count("✓") for page in (before, read, done)]
    assert ticked == [0, 5, 6]
    assert "it calls itself Mutt &lt;b&gt;" in read
    assert set(program["steps"]) == {step.value for step in Step}


def test_another_user_of_the_machine_gets_no_octet(link: str) -> None:
    port = str(urlsplit(link).port)
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    asked = [python, "-I", "-S", "-c", _OTHER_USER, port]
    own = subprocess.run(asked, capture_output=True, text=True, check=True)
    try:
        other = subprocess.run(asked, capture_output=True, text=True, check=True, user=NOBODY)
    except PermissionError:
        pytest.skip("only root can be another user")

    assert (own.stdout, other.stdout) == ("1\n", "0\n")


def test_a_websocket_is_not_spoken_here(link: str) -> None:
    port = urlsplit(link).port
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    asking.request(
        "GET",
        "/",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Origin": "http://evil.example",
        },
    )

    assert asking.getresponse().status == 401
    asking.close()
