"""From an empty home directory to a verified encrypted round trip in the person's own mail program.

At most 8 interactions and 180 s of this machine, as ``first_minutes.person`` counts them.  The domain and its echo are
there already; Thunderbird is open, as it is on its first start, and neomutt is installed.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.arriving.status_block import Mail, parse
from gateway.demo.ports import reserve
from mx_core.mail_programs.mail_settings import MailSettings
from tests.interop.chromium.browser import Seen, chromium, window
from tests.interop.first_minutes.domain import DOMAIN, Operated, operated, web_server
from tests.interop.first_minutes.person import Person, new_person
from tests.interop.mutt.screen import Screen
from tests.interop.thunderbird import hub
from tests.interop.thunderbird.program import Thunderbird, first_start
from tests.interop.witness import Witness, eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]

ECHO = f"echo@{DOMAIN}"
_ANSWER = "Auto: Hello"


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    with operated(tmp_path_factory.mktemp("domain")) as world:
        yield world


@pytest.fixture
def person(domain: Operated) -> Iterator[Person]:
    """Somebody whose home directory has a path as short as people's are: a socket is in it."""
    with (
        contextlib.closing(reserve(5)) as block,
        tempfile.TemporaryDirectory(prefix="mx-", ignore_cleanup_errors=True) as folder,
    ):
        yield new_person(Path(folder), block, domain.directory / "peers.toml")


def pictured(program: Thunderbird, name: str) -> None:
    """Keep a picture for the guide, if one is wanted."""
    if pictures := os.environ.get("MX_PICTURES", ""):
        program.picture(Path(pictures) / f"thunderbird-{name}.png")


def is_verified(octets: bytes) -> bool:
    """Tell whether a message says that it came sealed, signed by the echo, and by whose gateway it was opened."""
    status = parse(octets)
    return (
        status is not None
        and status.mail is Mail.NETWORK
        and str(status.sender) == ECHO
        and status.trust in {"implicit", "endorsed", "verified"}
    )


def test_a_person_with_thunderbird_reads_a_verified_answer_of_the_network(
    domain: Operated, person: Person
) -> None:
    me, invite = f"dora@{DOMAIN}", domain.invite("dora")
    base = person.ports.first
    with (
        web_server(domain.site, base + 2, base + 3) as web,
        first_start(person.home, web.port) as program,
        chromium() as browser,
        window(browser) as seen,
    ):
        hub.opened(program)
        person.begins()
        with person.starts_the_gateway() as link:
            seen.page.goto(link)
            password = through_the_page(person, seen, me, invite)

            person.does("Thunderbird: name and address, Continue")
            found = hub.address(program, "Dora", me)
            assert f"{base + 2}" in found
            pictured(program, "found")
            person.does("Thunderbird: take the settings that it found, Continue")
            hub.take_what_was_found(program)
            person.does("Thunderbird: password, Continue")
            hub.password(program, password)
            person.does("Thunderbird: Finish")
            hub.finish(program)
            octets = read_in(program)
            person.arrived("Thunderbird")

            assert is_verified(octets)
            pictured(program, "answer")
            assert [line for line in web.asked if "autoconfig" in line and line.startswith("GET")]
            ticks = seen.page.locator("section", has_text="thunderbird").first
            ticks.locator("li.good", has_text="It has fetched something").wait_for()
            writes_in(program)
            seen.page.get_by_text(
                "This mail program reads and sends through your gateway"
            ).wait_for()
            seen.check("thunderbird-connected")


def through_the_page(person: Person, seen: Seen, me: str, invite: str) -> str:
    """Come from who are you to the password of Thunderbird."""
    page = seen.page
    page.get_by_label("Your address at your domain").fill(me)
    page.get_by_label("The code that whoever runs the domain gave you").fill(invite)
    person.does("page: address and code, Add the account")
    page.get_by_role("button", name="Add the account").click()
    page.get_by_role("heading", name="is yours").wait_for()
    words = seen.loaded().locator("ol.words li").all_inner_texts()
    person.does("page: I have written the words down")
    page.get_by_role("link", name="I have written the words down").click()
    page.get_by_role("heading", name="Two words of your sheet").wait_for()
    for field in (
        seen.loaded().locator("form[action='/sheet'] label", has_text=re.compile("^Word ")).all()
    ):
        place = int(field.inner_text().removeprefix("Word "))
        page.get_by_label(f"Word {place}", exact=True).fill(words[place - 1].strip())
    assert page.get_by_label("Let Thunderbird trust").is_checked()
    assert page.get_by_label("Let a first message be written").is_checked()
    person.does("page: two words, and what is chosen already, Go on")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Settings for thunderbird").wait_for()
    assert seen.loaded().get_by_text("Thunderbird trusts this gateway now").count() == 1
    row = page.locator("tr", has_text="Password").locator("code")
    return str(row.first.inner_text())


def read_in(program: Thunderbird) -> bytes:
    """Open the answer in the window, as a person who clicks on it; return its octets."""
    text = program.script(
        """
        const inbox = await until("INBOX",
          () => root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox), 30000);
        const h = await until("the answer",
          async () => find(inbox, args[0]) || (await update(inbox), find(inbox, args[0])), 35000);
        const about = await until("3pane",
          () => main().document.getElementById("tabmail").currentAbout3Pane);
        about.displayFolder(inbox.URI);
        await until("view", () => about.gDBView && about.gViewWrapper
          && about.gViewWrapper.displayedFolder == inbox);
        const i = await until("row", () => {
          const k = about.gDBView.findIndexOfMsgHdr(h, true); return k < 1e6 ? k + 1 : 0; });
        about.threadTree.selectedIndex = i - 1;
        await until("message", () => {
          const d = about.messageBrowser.contentWindow.getMessagePaneBrowser?.().contentDocument;
          return d && d.body && d.body.textContent.trim(); });
        return await streamText(inbox, h);""",
        _ANSWER,
    )
    shown = str(text).encode("latin-1")
    return re.sub(rb"\A(?:X-Mozilla-[^\n]*\n)+", b"", shown)  # its own lines, before the message


def writes_in(program: Thunderbird) -> None:
    """Write to the echo in Thunderbird, too."""
    program.script(
        """
        const w = await composeWindow(() => {
          const p = Cc["@mozilla.org/messengercompose/composeparams;1"]
            .createInstance(Ci.nsIMsgComposeParams);
          const c = Cc["@mozilla.org/messengercompose/composefields;1"]
            .createInstance(Ci.nsIMsgCompFields);
          c.to = args[0]; c.subject = "From Thunderbird"; c.body = "hello";
          p.composeFields = c; p.identity = identity(); p.type = Ci.nsIMsgCompType.New;
          p.format = Ci.nsIMsgCompFormat.PlainText;
          MailServices.compose.OpenComposeWindowWithParams(null, p);
        });
        w.goDoCommand("cmd_sendNow");
        await until("compose window closed", () => w.closed, 30000);""",
        ECHO,
    )


def test_a_person_with_neomutt_reads_a_verified_answer_of_the_network(
    domain: Operated, person: Person
) -> None:
    me, invite = f"nina@{DOMAIN}", domain.invite("nina")
    with person.starts_the_gateway():
        person.types("account", "add", me, "--invite", invite)
        file = person.home / ".config" / "neomutt" / "neomuttrc"
        file.parent.mkdir(parents=True)
        file.touch(mode=0o600)
        text = person.types("client", "neomutt", me)  # > ~/.config/neomutt/neomuttrc
        file.write_text(text, encoding="utf-8")
        editor = person.home.parent / "editor"
        editor.write_text('#!/bin/sh\nprintf "hello\\n" >> "$1"\n', encoding="utf-8")
        editor.chmod(0o700)
        shell = person.environment | {"EDITOR": str(editor), "TMUX_TMPDIR": str(person.home.parent)}
        person.does("neomutt")
        screen = Screen(("neomutt",), shell | {"TERM": "screen", "LC_ALL": "C.UTF-8"})
        try:
            screen.wait(r"Msgs:\d")
            screen.keys("m")
            screen.wait("(?m)^To:")
            screen.keys(ECHO, "Enter")
            screen.wait("(?m)^Subject:")
            screen.keys("Hello", "Enter")
            screen.wait("y:Send")
            person.does("neomutt: m, recipient, subject, text, y")
            screen.keys("y")
            screen.wait(_ANSWER, 60)
            person.does("neomutt: open the answer")
            screen.keys("/", "Auto", "Enter", "Enter")
            screen.wait("end-to-end encrypted|MX-Status|How your message arrived|arrived")
            person.arrived("neomutt")
        except BaseException:
            print(screen.text())
            raise
        finally:
            screen.close()
        [octets] = eventually("the answer", lambda: answers(person, text, me))
    assert is_verified(octets)


def answers(person: Person, file: str, me: str) -> list[bytes]:
    """Return the answers of the echo, as another client of the same account sees them."""
    found = re.search(r'set imap_pass="([^"]+)"', file)
    assert found is not None
    base = person.ports.first
    ca = str(person.home / ".local" / "share" / "mx-gateway" / "ca" / "root.pem")
    settings = MailSettings(me, me, found[1], "localhost", base, base + 1, base + 2, base + 3, ca)
    witness = Witness(settings)
    return [witness.octets("INBOX", uid) for uid in witness.by_subject("INBOX", _ANSWER)]
