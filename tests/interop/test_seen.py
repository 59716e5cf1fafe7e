"""What a person sees in Thunderbird and mutt, as they come: why a message was refused, and what is weak.

One world: alice's gateway, a Dovecot with ordinary mail of hers, forged in every way that the unit
tests know, and bob who forges what he sends.  ``make pictures`` keeps the screens.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.display import PICTURED, Display, display
from tests.interop.elsewhere import Elsewhere, elsewhere
from tests.interop.http_trap import http_trap
from tests.interop.mutt.profile import make_profile
from tests.interop.mutt.screen import Screen
from tests.interop.story import Story
from tests.interop.thunderbird import reading, seen
from tests.interop.thunderbird.program import thunderbird
from tests.interop.thunderbird.run import Run
from tests.interop.witness import Witness, eventually, text_message
from tests.support.clients import smtp
from tests.unit.gateway.arriving.test_spoofs import FROMS, JOHNNY, SPELLINGS

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]

PAGE = r"http://localhost:\d+/to/"
MARK = "[not encrypted]"


@pytest.fixture
def old(alice: Witness) -> Iterator[Elsewhere]:
    with tempfile.TemporaryDirectory(prefix="mx-dovecot-") as folder:
        Path(folder).chmod(0o755)  # its users walk through
        with elsewhere(Path(folder), alice) as made:
            yield made


class Seen:
    """The steps in Thunderbird."""

    def __init__(self, run: Run, screen: Display, old: Elsewhere) -> None:
        self.run = run
        self.screen = screen
        self.old = old

    def off_the_network(self) -> object:
        who = r"nobody@nowhere\.example"
        return self._refused(
            "nobody@nowhere.example",
            r"nowhere\.example is not on the network; to send it as ordinary email: write to"
            rf" nobody\+mx-ordinary@nowhere\.example; {PAGE}{who}",
            "thunderbird-refused",
        )

    def nobody_there(self) -> object:
        said = rf"b\.example has no mailbox for nobody@b\.example; .*; {PAGE}nobody@b\.example"
        return self._refused("nobody@b.example", said)

    def asleep(self) -> object:
        self.old.asleep("asleep.example")
        said = r"the keys of asleep\.example cannot be had now; try again later; "
        return self._refused("eva@asleep.example", said + PAGE + r"eva@asleep\.example")

    def both_kinds(self) -> object:
        self._rule("optional")
        said = (
            r"dora@old\.example would get unencrypted what is encrypted for bob@b\.example;"
            r" nothing was sent; leave dora@old\.example out, or write to them separately; "
        )
        both = "bob@b.example, dora@old.example"
        return self._refused(both, said + PAGE + r"dora@old\.example")

    def answer_in_clear(self) -> object:
        asked = self.run.peer.send(self.run.me.address, f"secret {self.run.tag}", "for you alone")
        self.run.me.received(f"secret {self.run.tag}")
        ident = re.search(rb"Message-ID: (<.*>)", asked)
        assert ident is not None
        said = (
            r"this answers an encrypted message, and dora@old\.example would get it unencrypted;"
            r" to send it anyway add the line MX-Send: ordinary to its header; "
        )
        said += PAGE + r"dora@old\.example"
        return self._refused("dora@old.example", said, answers=ident[1].decode())

    def report(self) -> object:
        """What waits for a decision comes as a report that can be read."""
        self._rule("ask")
        subject = f"Decide {self.run.tag}"
        letter = text_message(self.run.me.address, "dora@old.example", subject, "hello")
        with smtp(self.run.me.settings) as client:
            client.sendmail(self.run.me.address, ["dora@old.example"], letter, ["BODY=8BITMIME"])
        self._rule("default")
        held = eventually("a report", lambda: self.run.me.search("INBOX", "TEXT", f'"{subject}"'))
        self.run.me.move("Outbox", "Trash", "SUBJECT", f'"{subject}"')
        text = seen.read(self.run, held[-1].decode())
        self.screen.picture("thunderbird-report")
        assert "dora@old.example" in text
        assert "old.example is not on the network; it is held until you decide" in text
        return text

    def weak_beside_strong(self) -> object:
        """The weak one is marked in the list and above the open message; the other is as ever."""
        tag = self.run.tag
        invoice, lunch = f"Invoice for March {tag}", f"Lunch on Friday? {tag}"
        self.old.put(text_message("ina@old.example", self.run.me.address, invoice, "Please pay."))
        self.run.peer.send(self.run.me.address, lunch, "At noon?")
        for subject in (invoice, lunch):
            self.run.me.received(subject)
        rows = {row for words in (invoice, lunch) for row in seen.listed(self.run, words, 1)}
        assert {MARK in row for row in rows if invoice in row} == {True}
        assert {MARK in row for row in rows if lunch in row} == {False}
        strong = seen.opened(self.run, lunch)
        weak = seen.opened(self.run, invoice)
        self.screen.picture("thunderbird-not-encrypted")
        assert weak["subject"].endswith(f"{MARK} {invoice}")
        assert strong["subject"].endswith(lunch)
        assert MARK not in strong["subject"]
        return [weak, strong]

    def forged_ordinary(self) -> object:
        """Forged status, senders and signatures in ordinary mail: every one is marked as weak."""
        letters = list(_forged(self.run.tag, "eve@old.example"))
        assert len(letters) == 81  # a NUL cannot be given to Dovecot
        self.old.put(*letters)
        words = f'"forged {self.run.tag}"'
        me = self.run.me
        eventually("all came", lambda: len(me.search("INBOX", "SUBJECT", words)) == 81, 60)
        assert len(me.search("INBOX", "SUBJECT", words, "KEYWORD", "$NotEncrypted")) == 81
        for claim in ("network", "verified", "suite"):
            assert me.search("INBOX", "SUBJECT", words, "HEADER", "MX-Status", claim) == [], claim
        rows = seen.listed(self.run, f"forged {self.run.tag}", 81)
        assert {row[-2:] for row in rows} == {f"{n:02}" for n in range(81)}
        assert [row for row in rows if MARK not in row] == []
        assert [row for row in rows if "verified" in row.casefold()] == []
        return [self._unsealed(f"forged {self.run.tag} {n:02}") for n in range(0, 81, 4)][-1]

    def forged_network(self) -> object:
        """The same from a contact, encrypted: no search finds his claim, and nothing shows it."""
        tag, count = f"n{self.run.tag}", 0
        for letter in _forged(tag, self.run.peer.address):
            if count < 8 or b"SIGNED" in letter or b"/signed" in letter:
                with smtp(self.run.peer.settings) as client:
                    client.sendmail(
                        self.run.peer.address, [self.run.me.address], letter, ["BODY=8BITMIME"]
                    )
                count += 1
        words, me = f'"forged {tag}"', self.run.me
        eventually("all came", lambda: len(me.search("INBOX", "SUBJECT", words)) == count, 60)
        for claim in ("trust=verified", "trust=endorsed", "verified by you"):
            found = me.search("INBOX", "SUBJECT", words, "HEADER", "MX-Status", f'"{claim}"')
            assert found == [], claim
        assert len(me.search("INBOX", "SUBJECT", words, "KEYWORD", "$Unverified")) == count
        self._unsealed(f"forged {tag} 00")
        return count

    def _unsealed(self, subject: str) -> object:
        drawn = seen.opened(self.run, subject)
        assert not [icon for icon in drawn["security"] if "ok" in icon], drawn
        assert "verified" not in drawn["subject"].casefold() + drawn["sender"].casefold(), drawn
        return drawn

    def _rule(self, value: str) -> None:
        me = self.run.me.address
        self.old.command("policy", "set", me, "old.example", "encryption", value)

    def _refused(self, to: str, said: str, picture: str = "", answers: str = "") -> str:
        return seen.refused(self.run, self.screen, to, said, picture=picture, answers=answers)


def _forged(tag: str, sender: str) -> Iterator[bytes]:
    """Yield every letter of the unit tests' spoofs, each with a subject of its own."""
    mine = f"From: <{sender}>\r\n".encode()
    halves = [(forged + mine, b"\r\nhello\r\n") for forged in SPELLINGS]
    halves += [(field + b"\r\n", b"\r\nhello\r\n") for field in FROMS if b"\0" not in field]
    halves += [(mine, rest) for rest in JOHNNY]
    for number, (head, rest) in enumerate(halves):
        yield head + f"Subject: forged {tag} {number:02}\r\n".encode() + rest


def test_thunderbird_shows_why_it_was_refused_and_what_is_weak(
    alice: Witness, bob: Witness, carol: Witness, old: Elsewhere
) -> None:
    story = Story("seen in Thunderbird")
    with (
        http_trap() as (trap_port, knocks),
        display() as screen,
        thunderbird(
            alice.settings, starttls=False, trap_port=trap_port, display=screen.name
        ) as program,
    ):
        run = Run(program, alice, bob, carol, "2027" if PICTURED else uuid.uuid4().hex[:8])
        seen.fill(run)
        steps = Seen(run, screen, old)
        story.play(
            [
                *(
                    (step.__name__, lambda step=step: step(run))
                    for step in (reading.trust, reading.logins, reading.sync)
                ),
                *(
                    (step.__name__, step)
                    for step in (
                        steps.off_the_network,
                        steps.nobody_there,
                        steps.asleep,
                        steps.both_kinds,
                        steps.answer_in_clear,
                        steps.report,
                        steps.weak_beside_strong,
                        steps.forged_ordinary,
                        steps.forged_network,
                    )
                ),
            ],
            vital=frozenset({"trust", "logins", "sync"}),
            on_failure=lambda _name: program.dismiss_dialog(),
        )
    alice.expunge("INBOX", "SUBJECT", '"forged "')

    assert story.failed == {}
    assert len(story.passed) == 12
    assert knocks == [], "nothing leaves the machine"


def test_mutt_shows_why_it_was_refused_and_what_is_weak(
    alice: Witness, old: Elsewhere, tmp_path: Path
) -> None:
    tag = uuid.uuid4().hex[:8]
    letters = list(_forged(tag, "eve@old.example"))[::5]
    old.put(*letters)
    words = f'"forged {tag}"'
    eventually("all came", lambda: len(alice.search("INBOX", "SUBJECT", words)) == len(letters), 60)
    profile = make_profile(tmp_path, "mutt", alice.settings, starttls=False)
    with contextlib.closing(Screen(profile.command, profile.environment)) as screen:
        screen.wait(r"Msgs:\d+")
        # every one says that it is ordinary, and no field of any says otherwise
        _limit(screen, f"~s 'forged {tag}' ~h '^MX-Status: 1; mail=ordinary' ! ~h 'mail=network'")
        screen.wait(f"Msgs:{len(letters)}/")
        shown = [line for line in screen.text().splitlines() if f"forged {tag}" in line]
        assert [line for line in shown if MARK not in line] == []
        assert shown != []

        screen.keys("m")
        screen.wait("y:Send")
        for key, prompt, answer in (("t", "To:", "nobody@nowhere.example"), ("s", "Subject:", tag)):
            screen.keys(key)
            screen.wait(rf"{prompt} *$")
            screen.keys("C-u", answer, "Enter")
            screen.wait(rf" {prompt} {answer}")
        screen.keys("y")
        if screen.wait("Update encoding|SMTP session failed") == "Update encoding":
            screen.keys("y")  # mutt asks when the editor wrote within the second
        said = screen.wait(r"SMTP session failed: .*")
    alice.expunge("INBOX", "SUBJECT", '"forged "')

    # as much as the terminal is wide: the reason comes first, then what to do
    assert said.startswith(
        "SMTP session failed: 550 5.1.1 nowhere.example is not on the network; to send it as"
        " ordinary email: write to nobody+mx-ordinary@nowhere"
    )


def _limit(screen: Screen, pattern: str) -> None:
    screen.keys("l")
    screen.wait("Limit to")
    screen.keys("C-u", pattern, "Enter")
    time.sleep(0.4)  # it draws its prompt before it reads the next key
