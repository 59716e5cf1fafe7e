"""Real Chromium against the page: hostile texts, forms of other sites, rebound names, sockets."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.web.page.app import page_app
from gateway.web.page.visits import Visits
from mx_core.control.serving import serve_sockets
from tests.interop.chromium.browser import REBOUND, Seen, window
from tests.support.page_desks import EVIL
from tests.support.page_gateway import CONTACT, READ, Everything

pytestmark = pytest.mark.interop

PATHS = (*READ, CONTACT, "/contacts?account=alice%40a.example")
_FIELDS = "main input:not([type=hidden]):not([type=radio]):not([type=checkbox])"


@dataclass
class Served:
    """The real page over a gateway of which every text is hostile."""

    behind: Everything
    visits: Visits
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def enter(self, seen: Seen) -> None:
        seen.page.goto(f"{self.origin}/enter?ticket={self.visits.ticket()}")


@contextlib.contextmanager
def in_thread(serve: Callable[[asyncio.Event], Any]) -> Iterator[None]:
    stopping, loop = asyncio.Event(), asyncio.new_event_loop()

    def run() -> None:
        loop.run_until_complete(serve(stopping))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


@pytest.fixture
def served() -> Iterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    behind, visits = Everything(), Visits(time.monotonic)
    app = page_app(behind, visits, [f"{name}:{port}" for name in ("127.0.0.1", "localhost")])
    with in_thread(lambda stopping: serve_sockets(app, [listener], stopping, lambda _: True)):
        yield Served(behind, visits, port)


@pytest.fixture
def foreign() -> Iterator[Callable[[str], str]]:
    """Return what serves a page of somebody else on this computer: same site, another origin."""
    shown = {"page": ""}

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(shown["page"].encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def serving(page: str) -> str:
            shown["page"] = page
            return f"http://127.0.0.1:{server.server_port}/"

        yield serving
        server.shutdown()
        thread.join()


def test_no_text_of_others_does_anything_on_any_page(browser: Any, served: Served) -> None:
    with window(browser) as seen:
        served.enter(seen)
        for path in PATHS:
            seen.page.goto(served.origin + path)
            assert seen.page.locator("img, iframe, object, embed").count() == 0
            seen.check(path)


def test_what_is_typed_into_any_field_does_nothing_wherever_it_is_shown(
    browser: Any, served: Served
) -> None:
    typed = 0
    with window(browser) as seen:
        page = seen.page
        served.enter(seen)
        for path in PATHS:
            page.goto(served.origin + path)
            for at in range(page.locator("main form").count()):
                page.goto(served.origin + path)
                form = page.locator("main form").nth(at)
                form.evaluate("form => { form.noValidate = true; }")
                fields = form.locator(_FIELDS.removeprefix("main ")).all()
                for field in fields:
                    field.evaluate("(field, text) => { field.value = text; }", EVIL)
                typed += len(fields)
                form.locator("button").last.click()
                page.wait_for_load_state()
                assert page.locator("img").count() == 0
                assert seen.heard == []
                seen.heard += page.evaluate("window.violations")
    assert seen.heard == []
    assert typed > 10
    assert {did[0] for did in served.behind.did} >= {"trial", "program", "verify", "unlock"}


def test_a_form_of_another_page_on_this_computer_is_refused_though_the_cookie_goes_with_it(
    browser: Any, served: Served, foreign: Callable[[str], str]
) -> None:
    with window(browser) as seen:
        served.enter(seen)
        page = foreign(
            f'<form method="post" action="{served.origin}/outbox/cancel">'
            '<input name="queue_id" value="q"></form>'
        )
        seen.page.goto(page)
        with seen.page.expect_response(f"{served.origin}/outbox/cancel") as answered:
            seen.page.evaluate("document.forms[0].submit()")
        sent = answered.value.request.all_headers()

    assert "mx_page=" in sent["cookie"]
    assert answered.value.status == 403
    assert served.behind.did == []


def test_a_script_of_another_page_reads_nothing(
    browser: Any, served: Served, foreign: Callable[[str], str]
) -> None:
    with window(browser) as seen:
        served.enter(seen)
        seen.page.goto(foreign("<p>x"))
        read = seen.page.evaluate(
            """async origin => {
              try { return await (await fetch(origin, {credentials: "include"})).text(); }
              catch (error) { return error.name; }
            }""",
            f"{served.origin}/api/status",
        )
        framed = seen.page.evaluate(
            """origin => new Promise(done => {
              const frame = document.createElement("iframe");
              frame.onload = () => done(frame.contentDocument === null);
              frame.src = origin;
              document.body.append(frame);
            })""",
            served.origin,
        )
        inside = seen.page.frames[1].content()

    assert (read, framed) == ("TypeError", True)
    assert "mx-gateway" not in inside


def test_a_name_that_is_made_to_point_here_is_refused(browser: Any, served: Served) -> None:
    with window(browser) as seen:
        served.enter(seen)
        answers = [
            seen.page.goto(f"http://{REBOUND}:{served.port}{path}")
            for path in ("/", "/static/page.css", f"/enter?ticket={served.visits.ticket()}")
        ]
        asked = seen.page.evaluate(
            """async () => (await fetch("/outbox/cancel", {method: "POST",
              headers: {"content-type": "application/x-www-form-urlencoded"},
              body: "queue_id=q"})).status"""
        )

    assert [answer.status for answer in answers] == [421, 421, 421]
    assert asked == 421
    assert served.behind.did == []


def test_no_web_socket_opens_from_this_page_or_from_another(
    browser: Any, served: Served, foreign: Callable[[str], str]
) -> None:
    opening = """url => new Promise(done => {
      const socket = new WebSocket(url);
      socket.onopen = () => done("open");
      socket.onerror = () => done("refused");
    })"""
    url = f"ws://127.0.0.1:{served.port}/api/status"
    with window(browser) as seen:
        served.enter(seen)
        own = seen.page.evaluate(opening, url)
        seen.page.goto(foreign("<p>x"))
        other = seen.page.evaluate(opening, url)

    assert (own, other) == ("refused", "refused")
