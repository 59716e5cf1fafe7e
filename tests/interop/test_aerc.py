"""Real aerc in a terminal: list, read, reply, delete, move; checked on the server."""

import contextlib
import os
import quopri
import time
import uuid
from pathlib import Path

import pytest

from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.mail_programs.programs import chosen
from tests.interop.mutt.screen import Screen
from tests.interop.story import Story
from tests.interop.witness import Witness, eventually

pytestmark = pytest.mark.interop

_CONFIG = """\
[general]
unsafe-accounts-conf = true
[ui]
index-columns = subject<*
column-subject = {{.Subject}}
index-format = %s
mouse-enabled = false
[viewer]
pager = less -R
[compose]
editor = {editor}
[filters]
text/plain = cat
"""
_SETTLE_SECONDS = 0.6  # the list is drawn before the next key is read
_EDITOR = """\
#!/bin/sh
printf 'typed in the editor zażółć\\n.\\nlast line\\n' >> "$1"
"""


def _environment(directory: Path, settings: MailSettings) -> dict[str, str]:
    """Write the files of one throw-away home; return the variables that lead to them."""
    folder = directory / "config" / "aerc"
    folder.mkdir(parents=True)
    editor = directory / "editor"
    editor.write_text(_EDITOR, encoding="utf-8")
    editor.chmod(0o700)
    accounts = folder / "accounts.conf"
    accounts.touch(mode=0o600)
    accounts.write_text(chosen("aerc").write(settings), encoding="utf-8")
    (folder / "aerc.conf").write_text(_CONFIG.replace("{editor}", str(editor)), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "XDG_DATA_HOME": str(directory / "data"),
        "XDG_RUNTIME_DIR": str(directory),
        "SSL_CERT_FILE": settings.ca,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "screen",
        "TMUX_TMPDIR": str(directory),
    }


class Cycle:
    """The steps, in order; every subject carries the run's own tag."""

    def __init__(self, screen: Screen, me: Witness, peer: Witness) -> None:
        self._screen = screen
        self._me = me
        self._peer = peer
        self.tag = uuid.uuid4().hex[:8]

    def show(self) -> object:
        for word in ("old", "moved", "read"):
            self._me.append(self._peer.address, f"{word} {self.tag}", f"{word} body zażółć")
        return self._screen.wait(f"read {self.tag}")

    def read(self) -> object:
        self._peer.send(self._me.address, f"asked {self.tag}", "asked body zażółć")
        self._screen.wait(f"asked {self.tag}")
        self._open("asked")
        return eventually("\\Seen", lambda: self._in("INBOX", "asked", "SEEN"))

    def reply(self) -> object:
        r"""Reply to bob: \Answered, a copy in Sent, and the same octets with bob."""
        self._command("reply -q")
        self._screen.wait("Send this email")
        self._screen.keys("y")
        subject = f"Re: asked {self.tag}"
        kept, _ = eventually("copy in Sent", lambda: self._me.copy("Sent", subject))
        eventually("\\Answered", lambda: self._in("INBOX", "asked", "ANSWERED"))
        received = self._peer.received(subject)
        assert "typed in the editor zażółć" in _decoded(received)
        assert kept.partition(b"\r\n\r\n")[2] == received.partition(b"\r\n\r\n")[2]
        self._close()
        return len(received)

    def delete(self) -> object:
        self._open("old")
        self._command("delete")
        eventually("gone", lambda: not self._in("INBOX", "old"))
        self._close()
        return True

    def move(self) -> object:
        before = self._me.octets("INBOX", self._in("INBOX", "moved")[0])
        self._open("moved")
        self._command("mv Archive")
        uid = eventually("in Archive", lambda: self._in("Archive", "moved"))[0]
        eventually("gone from INBOX", lambda: not self._in("INBOX", "moved"))
        assert self._me.octets("Archive", uid) == before
        self._close()
        return len(before)

    def folder(self) -> object:
        self._command("cf Archive")
        self._screen.wait(f"moved {self.tag}")
        self._command("cf INBOX")
        return self._screen.wait(f"read {self.tag}")

    def quit(self) -> object:
        self._command("quit -f")
        return eventually("the program has ended", lambda: not self._screen.is_running())

    def recover(self, _step: str) -> str:
        shown = [line for line in self._screen.text().splitlines() if line.strip()][-20:]
        return "\n".join(shown)

    def _open(self, word: str) -> None:
        """Open a message, and be sure that it is this one: the search answers when it likes."""
        for _ in range(5):
            self._command(f"search {word} {self.tag}")
            time.sleep(_SETTLE_SECONDS)
            self._command("view")
            with contextlib.suppress(AssertionError):
                self._screen.wait(f"{word} body zażółć", 3)
                return
            self._close()
        raise AssertionError(f"{word} was not opened")

    def _close(self) -> None:
        """Go back to the list, which stands beside the mailboxes."""
        if "Subject: " in self._screen.text():
            self._command("close")
        self._screen.wait("Archive ")

    def _command(self, line: str) -> None:
        self._screen.keys(":", line, "Enter")

    def _in(self, mailbox: str, word: str, *terms: str) -> list[bytes]:
        return self._me.by_subject(mailbox, f"{word} {self.tag}", *terms)


def _decoded(octets: bytes) -> str:
    text = octets.partition(b"\r\n\r\n")[2]
    if b"quoted-printable" in octets.lower():
        text = quopri.decodestring(text)
    return text.decode()


def test_aerc_does_a_full_cycle(alice: Witness, bob: Witness, tmp_path: Path) -> None:
    story = Story("aerc")
    screen = Screen(("aerc",), _environment(tmp_path, alice.settings))
    with contextlib.closing(screen):
        cycle = Cycle(screen, alice, bob)
        steps = [
            ("list", cycle.show),
            ("read", cycle.read),
            ("reply", cycle.reply),
            ("delete", cycle.delete),
            ("move", cycle.move),
            ("folder", cycle.folder),
            ("quit", cycle.quit),
        ]
        story.play(steps, vital=frozenset({"list"}), on_failure=cycle.recover)

    assert story.failed == {}
    assert len(story.passed) == 7
