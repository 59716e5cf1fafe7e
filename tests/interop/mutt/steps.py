"""A terminal user's day: mutt or neomutt at the keyboard, two domains behind it."""

import contextlib
import re
import subprocess
import time
import uuid
from collections.abc import Callable

from tests.interop.mutt.profile import Profile
from tests.interop.mutt.screen import Screen
from tests.interop.witness import Witness, eventually

_SETTLE_SECONDS = 0.4  # the program draws its prompt before it reads the next key


class Day:
    """The steps, in order; every subject carries the run's own tag."""

    def __init__(self, profile: Profile, me: Witness, peer: Witness, stranger: Witness) -> None:
        self._profile = profile
        self._me = me
        self._peer = peer
        self._stranger = stranger
        self._tag = uuid.uuid4().hex[:8]
        self._screen: Screen | None = None

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        return [
            ("sync", self.sync),
            ("read", self.read),
            ("idle", self.idle),
            ("flag", self.flag),
            ("search", self.search),
            ("reply", self.reply),
            ("save", self.save),
            ("accents", self.accents),
            ("delete", self.delete),
            ("postpone", self.postpone),
            ("folder", self.folder),
            ("requests", self.requests),
            ("quit", self.quit),
            ("batch", self.batch),
            ("warm", self.warm),
        ]

    def recover(self, _step: str) -> str:
        """Leave whatever prompt or pager is open; return what was on the screen."""
        shown = [line for line in self.screen.text().splitlines() if line.strip()][-12:]
        with contextlib.suppress(subprocess.CalledProcessError):
            self.screen.keys("C-g", "i")
        return "\n".join(shown)

    def close(self) -> None:
        if self._screen is not None:
            self._screen.close()

    @property
    def screen(self) -> Screen:
        assert self._screen is not None
        return self._screen

    def sync(self) -> object:
        """Start, and show as many messages as the server has."""
        self._append("first", f"first body zażółć {self._tag}")
        self._screen = Screen(self._profile.command, self._profile.environment)
        shown = int(self.screen.wait(r"(?<=Msgs:)\d+"))
        assert shown == len(self._me.search("INBOX", "ALL"))
        self._limit(f"~s {self._tag}")
        self.screen.wait(f"first {self._tag}")
        return shown

    def read(self) -> object:
        self._goto("first")
        self.screen.keys("Enter")
        self.screen.wait(f"first body zażółć {self._tag}")
        self.screen.keys("i")
        return self.screen.wait("Msgs:")

    def idle(self) -> object:
        """Mail of the other domain's user shows up by itself."""
        time.sleep(2.5)  # the client has gone into IDLE
        began = time.monotonic()
        self._peer.send(self._me.address, f"pushed {self._tag}", "pushed")
        self.screen.wait(f"pushed {self._tag}")
        return {"seconds": round(time.monotonic() - began, 2)}

    def flag(self) -> object:
        self._goto("pushed")
        self.screen.keys("F", "$")
        eventually("\\Flagged", lambda: self._in("INBOX", "pushed", "FLAGGED"))
        return len(eventually("\\Seen", lambda: self._in("INBOX", "first", "SEEN")))

    def search(self) -> object:
        """``=b`` asks the server."""
        self._append("hay", f"needle-{self._tag}")
        self.screen.wait(f"hay {self._tag}")
        self._limit(f"=b needle-{self._tag}")
        self.screen.wait("Msgs:1/")
        self._limit(f"~s {self._tag}")
        return self.screen.wait(f"first {self._tag}")

    def reply(self) -> object:
        r"""Reply to bob: \Answered, a copy in Sent, and the same octets with bob."""
        self._goto("pushed")
        self.screen.keys("r")
        self.screen.wait("y:Send")
        self.screen.keys("y")
        if self.screen.wait("Mail sent|sent|Update encoding") == "Update encoding":
            # mutt asks when the editor wrote within the second in which the file was made
            self.screen.keys("y")
            self.screen.wait("Mail sent|sent")
        answer = f"Re: pushed {self._tag}"
        kept, flags = eventually("copy in Sent", lambda: self._me.copy("Sent", answer))
        self.screen.keys("$")
        eventually("\\Answered", lambda: self._in("INBOX", "pushed", "ANSWERED"))
        received = self._peer.received(answer)
        assert "typed in the editor zażółć\r\n.\r\nlast line\r\n".encode() in received
        assert _body(kept) == _body(received)
        assert b"In-Reply-To: " in received
        return sorted(flags)

    def save(self) -> object:
        """Make a mailbox by saving to it, then sync: copy, delete, expunge."""
        self._goto("hay")
        self.screen.keys("s")
        self.screen.wait("Save to mailbox")
        self.screen.keys("C-u", f"=Kept{self._tag}", "Enter")
        eventually("saved", lambda: self._in(f"Kept{self._tag}", "hay"))
        self.screen.keys("$")
        return eventually("gone from INBOX", lambda: not self._in("INBOX", "hay"))

    def accents(self) -> object:
        """Save to a mailbox whose name and octets are not ASCII, look into it, come back."""
        name = f"Zażółć&Q{self._tag}"
        self._append("accent", "Łódź")
        self.screen.wait(f"accent {self._tag}")
        self._goto("accent")
        self.screen.keys("s")
        self.screen.wait("Save to mailbox")
        self.screen.keys("C-u", f"={name}", "Enter")
        uid = eventually("saved", lambda: self._in(name, "accent"))[0]
        self.screen.keys("$")
        eventually("gone from INBOX", lambda: not self._in("INBOX", "accent"))
        assert "Łódź\r\n".encode() in self._me.octets(name, uid)
        self._change(name)
        self.screen.wait(f"accent {self._tag}")
        self._change("INBOX")
        self._limit(f"~s {self._tag}")
        return self.screen.wait(f"first {self._tag}")

    def delete(self) -> object:
        self._append("bin", "x")
        self.screen.wait(f"bin {self._tag}")
        self._goto("bin")
        self.screen.keys("d", "$")
        eventually("gone from INBOX", lambda: not self._in("INBOX", "bin"))
        return len(eventually("in Trash", lambda: self._in("Trash", "bin")))

    def postpone(self) -> object:
        self.screen.keys("m")
        self._answer("To:", self._peer.address)
        self._answer("Subject:", f"draft {self._tag}")
        self.screen.wait("y:Send")
        if f"draft {self._tag}" not in self.screen.text():
            self.screen.keys("s")
            self.screen.wait("Subject: *$")
            self.screen.keys("C-u", f"draft {self._tag}", "Enter")
            self.screen.wait(f"draft {self._tag}")
        self.screen.keys("P")
        uid = eventually("draft", lambda: self._in("Drafts", "draft"))[0]
        return sorted(self._me.flags("Drafts", uid))

    def folder(self) -> object:
        """Go to Sent and back."""
        self.screen.wait("Msgs:")
        self._change("Sent")
        self._limit(f"~s {self._tag}")
        self.screen.wait(f"Re: pushed {self._tag}")
        self._change("INBOX")
        return self.screen.wait(r"Msgs:\d+")

    def requests(self) -> object:
        """A stranger's mail waits in Requests; saved to INBOX, it lets in what they write next."""
        self._stranger.send(self._me.address, f"stranger {self._tag}", "may I?")
        eventually("in Requests", lambda: self._in("Requests", "stranger"))
        self._change("Requests")
        self._goto("stranger")
        self.screen.keys("s")
        self.screen.wait("Save to mailbox")
        self.screen.keys("C-u", "=INBOX", "Enter")
        eventually("saved", lambda: self._in("INBOX", "stranger"))
        self.screen.keys("$")
        eventually("gone from Requests", lambda: not self._in("Requests", "stranger"))
        self._stranger.send(self._me.address, f"friend {self._tag}", "thank you")
        self._me.received(f"friend {self._tag}")
        self._change("INBOX")
        self._limit(f"~s {self._tag}")
        return self.screen.wait(f"friend {self._tag}")

    def quit(self) -> object:
        self.screen.keys("q")
        return eventually("the program has ended", lambda: not self.screen.is_running())

    def batch(self) -> object:
        """Send from the command line, with an attachment; bob has it."""
        attachment = self._profile.directory / "prüfung.txt"
        attachment.write_text("attached\n", encoding="utf-8")
        subject = ["-s", f"batch grüße {self._tag}"]
        done = subprocess.run(
            [*self._profile.command, *subject, "-a", str(attachment), "--", self._peer.address],
            input="hello from the shell\n",
            env=self._profile.environment,
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        terms = ("HEADER", "Content-Type", "multipart/mixed")
        received = self._peer.received(self._tag, *terms)
        if self._profile.command[0] == "mutt":  # neomutt 2022 keeps no copy of a batch
            eventually("copy in Sent", lambda: self._me.by_subject("Sent", self._tag, *terms))
        assert b"hello from the shell" in received
        return len(received)

    def warm(self) -> object:
        """Start again, with the header cache."""
        began = time.monotonic()
        self.screen.close()
        self._screen = Screen(self._profile.command, self._profile.environment)
        self.screen.wait(r"Msgs:\d+")
        took = round(time.monotonic() - began, 2)
        self.screen.keys("q")
        return {"seconds": took}

    # ── hands ────────────────────────────────────────────────────────────────────────
    def _append(self, word: str, text: str) -> None:
        self._me.append(self._peer.address, f"{word} {self._tag}", text)

    def _in(self, mailbox: str, word: str, *terms: str) -> list[bytes]:
        return self._me.by_subject(mailbox, f"{word} {self._tag}", *terms)

    def _limit(self, pattern: str) -> None:
        self.screen.keys("l")
        self.screen.wait("Limit to")
        self.screen.keys("C-u", pattern, "Enter")
        time.sleep(_SETTLE_SECONDS)

    def _goto(self, word: str) -> None:
        self.screen.keys("/")
        self.screen.wait("Search for")
        self.screen.keys("C-u", f'~s "{word} {self._tag}"', "Enter")
        time.sleep(_SETTLE_SECONDS)

    def _answer(self, prompt: str, text: str) -> None:
        """Answer *prompt* if it is asked; with edited headers it may not be."""
        self.screen.wait(f"{prompt}|y:Send")
        if "y:Send" not in self.screen.text():
            self.screen.keys(text, "Enter")

    def _change(self, mailbox: str) -> None:
        self.screen.keys("c")
        self.screen.wait("Open mailbox")
        self.screen.keys("C-u", f"={mailbox}", "Enter")
        self.screen.wait(rf"[=+]{re.escape(mailbox)} ")


def _body(octets: bytes) -> bytes:
    return octets.partition(b"\r\n\r\n")[2]
