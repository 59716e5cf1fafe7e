"""The page as a browser sees it, over a gateway whose every text is hostile."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gateway.beginning.computer import Computer, FoundDomain, Kept
from gateway.doctor.examine import Finding
from gateway.migration.importing import Asked
from gateway.recovery.recovering import AskedBack
from gateway.unlocking.master_key import Method
from gateway.web.behind import Behind
from gateway.web.page.app import new_visits, page_app
from mx_core.carriers.native.carrier import DoorChange, DoorState
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.errors import MailError, PeerUnreachable, Refused, Unavailable
from mx_core.model.ids import QueueId
from mx_core.model.secret import Secret
from mx_core.store.people.exchanged import Day
from mx_core.trail_port import Step
from tests.support.people import make_person

pytestmark = pytest.mark.anyio

HOST = "127.0.0.1:1180"
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7919*6271 }}"
READ = (
    *("/", "/accounts/new", "/programs?account=alice%40a.example", "/outbox"),
    *(
        "/begin",
        "/begin/domain",
        "/begin/trial",
        "/begin/real",
        "/begin/rule",
        "/restore",
        "/unlock",
    ),
    "/key",
    "/doctor",
    "/activity?account=alice%40a.example",
    "/devices?account=alice%40a.example",
    "/begin/look?domain=a.example",
    "/connect?account=alice%40a.example",
    "/mail?account=alice%40a.example",
)
WORDS = " ".join(["abandon"] * 24)
CONTACT = "/contact?account=alice%40a.example&contact=bob%40b.example"


@dataclass
class Here(Computer):
    """A computer of which every text was chosen by somebody else."""

    did: list[tuple[str, ...]]
    choices: tuple[Method, ...] = (Method.KEYRING, Method.PASSPHRASE, Method.FILE)
    trouble: MailError | None = None

    async def kept(self) -> Kept:
        return Kept(Method.FILE, self.choices)

    async def examine(self) -> list[Finding]:
        return [Finding(EVIL), Finding(EVIL, EVIL)]

    async def look_up(self, domain: str) -> FoundDomain:
        self.did.append(("look up", domain))
        return FoundDomain(EVIL, EVIL, EVIL, EVIL)

    def profiles(self) -> int:
        return 1

    def mail_here(self) -> list[str]:
        return [EVIL]

    async def trust(self) -> int:
        if self.trouble is not None:
            raise self.trouble
        self.did.append(("trust",))
        return 1


@dataclass
class Elsewhere:
    """Imports of which every name was chosen by somebody else."""

    did: list[tuple[str, ...]]

    async def state(self) -> dict[str, Any]:
        return {
            "phase": EVIL,
            "trouble": EVIL,
            "seconds_left": 90,
            "look": {"messages": 10, "folders": [EVIL], "doubles": 0},
            "progress": {"seen": 3},
            "imports": [
                {"source": EVIL, "state": state, "trouble": EVIL, "report": report}
                for state, report in (
                    ("running", None), ("paused", None), ("done", {"holds": True, "doubles": 2}),
                )
            ],
        }  # fmt: skip

    async def begin(self, asked: Asked, *, dry_run: bool) -> None:
        self.did.append(("import", asked.source, asked.secret, str(dry_run)))

    async def pause(self) -> int:
        self.did.append(("pause",))
        return 1

    async def resume(self) -> int:
        self.did.append(("resume",))
        return 1


@dataclass
class Moved:
    did: list[tuple[str, ...]]

    async def begin(self, to: Address, invite: str, words: str) -> None:
        self.did.append(("move", str(to), invite, words))


class Pulled:
    async def state(self) -> list[dict[str, Any]]:
        return [
            {"location": EVIL, "trouble": EVIL, "now": {"phase": EVIL}},
            {"location": EVIL, "trouble": "", "now": None},
        ]


class Migrating:
    """A way from ordinary mail on which everybody is called what somebody else chose."""

    address = Address.parse("alice@a.example")

    def __init__(self, did: list[tuple[str, ...]]) -> None:
        self.did = did

    @property
    def dial(self) -> Migrating:
        return self

    upgrading = foot = dial

    async def state(self) -> dict[str, Any]:
        one = {"ordinary": EVIL, "address": EVIL}
        return {"offered": [one], "taken": [one]}

    async def take(self, ordinary: Address) -> None:
        self.did.append(("take", str(ordinary)))

    async def leave(self, ordinary: Address) -> None:
        self.did.append(("leave", str(ordinary)))

    async def is_on(self) -> bool:
        return ("sentence", "True") in self.did

    async def turn(self, *, on: bool) -> None:
        self.did.append(("sentence", str(on)))

    async def days(self, number: int) -> list[tuple[int, Day]]:
        return [(20_000 + n, Day(n, 2 * n, 1)) for n in range(number)]

    async def show(self, own: Address) -> dict[str, Any]:
        numbers = {"sealed_in": 1, "ordinary_in": 2, "sealed_out": 3, "ordinary_out": 4}
        return {
            "days": 60, "messages": 10, "encrypted": 4, "percent": 40, "invite": [EVIL],
            "people": [{"address": EVIL, "percent": 40, **numbers}],
        }  # fmt: skip


class Invited:
    """Invitations of which every text was chosen by somebody else."""

    def __init__(self, did: list[tuple[str, ...]]) -> None:
        self.did = did

    async def make(self, name: str, uses: int, days: int) -> dict[str, Any]:
        self.did.append(("invite", name, str(uses), str(days)))
        return {"id": 1, "name": EVIL, "uses": uses, "used": 0, "until": EVIL, "link": EVIL}

    async def all(self) -> list[dict[str, Any]]:
        return [{"id": 1, "name": EVIL, "uses": 3, "used": 1, "until": EVIL, "link": EVIL}]

    async def take_back(self, ident: int) -> None:
        self.did.append(("take back", str(ident)))

    async def open(self, link: str, *, in_person: bool) -> dict[str, Any]:
        self.did.append(("open", link, str(in_person)))
        return {"address": "bob@b.example", "tier": "endorsed"}


@dataclass
class Door:
    did: list[tuple[str, ...]]
    state: DoorState | None

    async def door(self, change: DoorChange = DoorChange.NOTHING) -> DoorState:
        if change is not DoorChange.NOTHING:
            self.did.append(("door", change.name))
        if self.state is None:
            raise PeerUnreachable(EVIL)
        return self.state


@dataclass
class Rules:
    """What became of a look-up, in words of others."""

    did: list[tuple[str, ...]]

    async def explain(self, address: Address) -> dict[str, Any]:
        return {
            "address": str(address), "found": EVIL, "why": EVIL, "known": True, "verdict": "hold",
            "text": EVIL, "because": EVIL,
        }  # fmt: skip

    async def relay(self) -> dict[str, Any]:
        return {}

    async def set(self, scope: str, name: str, value: str) -> None:
        self.did.append(("rule of", scope, name, value))


@dataclass
class Greeting:
    """A round trip whose every text somebody else chose."""

    did: list[tuple[str, ...]]

    def welcome(self, *, ask: bool = False) -> None:
        self.did.append(("welcome", str(ask)))

    async def ask(self) -> None:
        self.did.append(("ask",))

    async def state(self) -> dict[str, Any]:
        arrived = {"sender": EVIL, "received": 7, "said": EVIL, "sealed_with": EVIL}
        return {
            "awaited": ("ask",) in self.did,
            "echo": EVIL,
            "asked": 5,
            "unasked": EVIL,
            "welcome": arrived,
            "answer": arrived,
        }


class Everything(Behind):
    """A gateway of which every name and reason was chosen by somebody else."""

    def __init__(self) -> None:
        self.did: list[tuple[str, ...]] = []
        self.heard = 0
        self.trouble: Exception | None = None
        self.accounts = 2
        self.locked = False
        self.steps = {"logged_in": 2}

        self.tries = EVIL
        self.computer = Here(self.did)
        self.door: DoorState | None = DoorState(served=True, open=False)

    async def status(self) -> dict[str, Any]:
        if self.trouble is not None:
            raise self.trouble
        return {
            "accounts": [
                {
                    "address": address,
                    "connected": False,
                    "trouble": EVIL,
                    "outbox": {EVIL: 1},
                    "refused": 2,
                    "receipts": False,
                    "backup": {"last": 1_800_000_000, "folder": EVIL, "trouble": EVIL},
                    "programs": [{"name": EVIL, "since": 1, "client": EVIL, "steps": self.steps}],
                }
                for address in (EVIL, "alice@a.example")
            ][: self.accounts],
            "locked": self.locked,
            "before_login": {"reached": 1},
            "trial": {"address": EVIL, "trouble": EVIL},
        }

    async def queue(self) -> list[dict[str, Any]]:
        return [
            {"queue_id": EVIL, "recipient": EVIL, "sender": EVIL, "state": EVIL, "reason": EVIL}
        ]

    async def retry_queued(self, queue_id: QueueId) -> int:
        self.did.append(("retry", queue_id))
        return 1

    async def cancel_queued(self, queue_id: QueueId) -> int:
        self.did.append(("cancel", queue_id))
        return 1

    async def contacts(self, account: Address) -> list[dict[str, Any]]:
        return [{"address": EVIL, "tier": EVIL, "mail": EVIL}]

    async def compare_contact(self, account: Address, address: Address) -> dict[str, Any]:
        return {"tier": EVIL, "words": [EVIL] * 16, "code": EVIL}

    async def verify_contact(self, account: Address, address: Address, code: str) -> None:
        self.did.append(("verify", str(account), str(address), code))

    async def accept_contact(self, account: Address, address: Address) -> int:
        self.did.append(("accept", str(account), str(address)))
        return 0

    async def add_account(self, address: Address, invite: str) -> str:
        self.did.append(("add", str(address), invite))
        return WORDS

    async def new_settings(self, address: Address, name: str) -> MailSettings:
        self.did.append(("program", str(address), name))
        return _settings()

    async def revoke_password(self, address: Address, name: str) -> None:
        self.did.append(("revoke", str(address), name))

    def inviting(self, address: Address) -> Any:
        return Invited(self.did)

    def imported(self, address: Address) -> Any:
        return self

    def pulled(self, address: Address) -> Any:
        return self

    def migrating(self, address: Address) -> Any:
        return Migrating(self.did)

    def door_of(self, address: Address) -> Any:
        return self

    @property
    def carrier(self) -> Any:
        return Door(self.did, self.door)

    def greeted(self, address: Address) -> Any:
        return self

    def trial(self) -> str:
        return self.tries

    def hear(self) -> None:
        self.heard += 1

    def recoverable(self, address: Address) -> Any:
        return self

    @property
    def own(self) -> Any:
        person = make_person()
        return SimpleNamespace(state=person.state, device_id=person.first.id)

    @property
    def moving(self) -> Any:
        return Moved(self.did)

    async def add_trial(self, name: str) -> tuple[Address, str]:
        self.did.append(("trial", name))
        return Address.parse(f"{name}@me.localhost"), WORDS

    @property
    def greeting(self) -> Any:
        return Greeting(self.did)

    @property
    def importing(self) -> Any:
        return Elsewhere(self.did)

    @property
    def pulling(self) -> Any:
        return Pulled()

    def policy_desk(self, address: Address) -> Any:
        del address
        return Rules(self.did)

    async def set_rule(self, account: Address, name: str, value: str) -> None:
        self.did.append(("rule", str(account), name, value))

    async def begin_recovery(self, asked: AskedBack) -> dict[str, Any]:
        self.did.append(("begin", asked.file, asked.address, asked.words, asked.words_of_file))
        return {
            "token": "token", "address": EVIL, "backup_of": 1, "devices": [EVIL],
            "recovery_words": " ".join(f"word{n}" for n in range(1, 25)),
        }  # fmt: skip

    async def finish_recovery(self, token: str, kept: Sequence[str]) -> dict[str, Any]:
        self.did.append(("finish", token, *kept))
        return {"settings": asdict(_settings())}

    async def lock(self) -> None:
        self.did.append(("lock",))

    async def unlock(self, passphrase: Secret[str]) -> None:
        self.did.append(("unlock", passphrase.reveal()))

    async def unlock_by(self, method: str, passphrase: Secret[str]) -> None:
        self.did.append(("unlock by", method, passphrase.reveal()))

    async def give_receipts(self, address: Address, *, given: bool) -> None:
        self.did.append(("receipts", str(address), str(given)))

    async def passwords(self, address: Address) -> list[dict[str, Any]]:
        return [{"name": EVIL, "last_used": EVIL}]


def _settings() -> MailSettings:
    return MailSettings(EVIL, EVIL, EVIL, EVIL, 1, 2, 3, 4, EVIL)


@pytest.fixture
def behind() -> Everything:
    return Everything()


@pytest.fixture
async def outside(behind: Everything) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has not entered; ``ticket`` is in its notes."""
    visits = new_visits()
    transport = httpx.ASGITransport(app=page_app(behind, visits, {HOST}))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        client.params = {}
        client.headers["origin"] = f"http://{HOST}"
        client.headers["x-ticket"] = visits.ticket()
        yield client


@pytest.fixture
async def inside(outside: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await outside.get(f"/enter?ticket={outside.headers['x-ticket']}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    return outside


@pytest.mark.parametrize("path", [*READ, CONTACT, "/contacts?account=alice%40a.example"])
async def test_who_has_not_entered_sees_how_to_and_nothing_else(
    outside: httpx.AsyncClient, path: str
) -> None:
    answer = await outside.get(path)

    assert answer.status_code == 401
    assert "mx-gateway page" in answer.text
    assert "alert" not in answer.text
    assert "Only trying" not in answer.text


async def test_a_form_of_who_has_not_entered_does_nothing(
    outside: httpx.AsyncClient, behind: Everything
) -> None:
    answer = await outside.post("/outbox/cancel", data={"queue_id": "x"})

    assert answer.status_code == 401
    assert behind.did == []


async def test_a_link_opens_once(inside: httpx.AsyncClient) -> None:
    ticket = inside.headers["x-ticket"]
    assert (await inside.get("/")).status_code == 200
    inside.cookies.clear()

    assert (await inside.get(f"/enter?ticket={ticket}")).status_code == 401


@pytest.mark.parametrize("path", [*READ, CONTACT, "/contacts?account=alice%40a.example"])
async def test_no_text_of_others_becomes_markup(inside: httpx.AsyncClient, path: str) -> None:
    answer = await inside.get(path)

    assert answer.status_code == 200
    assert "Only trying" in answer.text  # a trial is named on every screen
    _inert(answer)


async def test_the_page_that_a_refusal_points_to_says_why_and_what_can_be_done(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    async def status() -> dict[str, Any]:
        return {"accounts": [{"address": "alice@a.example"}]}

    behind.status = status  # type: ignore[method-assign]
    answer = await inside.get("/to/bob@b.example")

    assert answer.status_code == 200
    assert "Writing to bob@b.example" in answer.text
    assert "it is held" in answer.text
    assert "bob+mx-ordinary@b.example" in answer.text
    assert "mx-gateway relay set alice@a.example" in answer.text
    _inert(answer)


@pytest.mark.parametrize(
    ("path", "form", "did"),
    [
        (
            "/programs",
            {"account": "alice@a.example", "name": "Mutt", "program": "mutt"},
            ("program", "alice@a.example", "Mutt"),
        ),
        (
            "/invitations",
            {"account": "alice@a.example", "name": "Fair", "uses": "3", "days": "7"},
            ("invite", "Fair", "3", "7"),
        ),
    ],
)
async def test_a_secret_is_shown_once_by_the_answer_that_made_it(
    inside: httpx.AsyncClient,
    behind: Everything,
    path: str,
    form: dict[str, str],
    did: tuple[str, ...],
) -> None:
    answer = await inside.post(path, data=form)

    assert answer.status_code == 200
    assert html.escape(EVIL, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in (
        answer.text
    )
    assert answer.headers["cache-control"] == "no-store"
    _inert(answer)
    assert behind.did == [did]


@pytest.mark.parametrize(
    ("path", "form", "did", "leads"),
    [
        ("/outbox/retry", {"queue_id": "q"}, ("retry", "q"), "/outbox"),
        ("/outbox/cancel", {"queue_id": "q"}, ("cancel", "q"), "/outbox"),
        (
            "/writing",
            {"account": "alice@a.example", "address": "Bob+x@b.example", "answer": "send"},
            ("rule of", "bob@b.example", "encryption", "optional"),
            "/to/Bob+x@b.example",
        ),
        (
            "/writing",
            {"account": "alice@a.example", "address": "bob@b.example", "answer": "default"},
            ("rule of", "bob@b.example", "encryption", "default"),
            "/to/bob@b.example",
        ),
        (
            "/programs/revoke",
            {"account": "alice@a.example", "name": "a b/c"},
            ("revoke", "alice@a.example", "a b/c"),
            "/programs?account=alice%40a.example",
        ),
        (
            "/invitations/revoke",
            {"account": "alice@a.example", "id": "4"},
            ("take back", "4"),
            "/contacts?account=alice%40a.example",
        ),
        (
            "/invitations/open",
            {"account": "alice@a.example", "link": "l", "in_person": "yes"},
            ("open", "l", "True"),
            CONTACT,
        ),
        (
            "/connect/echo",
            {"account": "alice@a.example"},
            ("ask",),
            "/connect?account=alice%40a.example",
        ),
        (
            "/receipts",
            {"account": "alice@a.example", "given": "yes"},
            ("receipts", "alice@a.example", "True"),
            "/",
        ),
        (
            "/receipts",
            {"account": "alice@a.example", "given": "no"},
            ("receipts", "alice@a.example", "False"),
            "/",
        ),
        (
            "/mail/begin",
            {"account": "alice@a.example", "source": "/m", "password": "p", "how": "look"},
            ("import", "/m", "p", "True"),
            READ[-1],
        ),
        (
            "/mail/begin",
            {"account": "alice@a.example", "source": "/m", "password": "", "how": "bring"},
            ("import", "/m", "", "False"),
            READ[-1],
        ),
        (
            "/key/keep",
            {"key": "passphrase", "passphrase": "correct horse"},
            ("unlock by", "passphrase", "correct horse"),
            "/key",
        ),
        ("/mail/pause", {"account": "alice@a.example"}, ("pause",), READ[-1]),
        (
            "/mail/door",
            {"account": "alice@a.example", "state": "open"},
            ("door", "OPEN"),
            READ[-1],
        ),
        ("/mail/resume", {"account": "alice@a.example"}, ("resume",), READ[-1]),
        (
            "/mail/upgrade",
            {"account": "alice@a.example", "ordinary": "d@old.example", "how": "take"},
            ("take", "d@old.example"),
            READ[-1],
        ),
        (
            "/mail/upgrade",
            {"account": "alice@a.example", "ordinary": "d@old.example", "how": "leave"},
            ("leave", "d@old.example"),
            READ[-1],
        ),
        (
            "/mail/sentence",
            {"account": "alice@a.example", "state": "on"},
            ("sentence", "True"),
            READ[-1],
        ),
        (
            "/contact/verify",
            {"account": "alice@a.example", "contact": "bob@b.example", "code": "c"},
            ("verify", "alice@a.example", "bob@b.example", "c"),
            CONTACT,
        ),
        (
            "/contact/accept",
            {"account": "alice@a.example", "contact": "bob@b.example"},
            ("accept", "alice@a.example", "bob@b.example"),
            CONTACT,
        ),
    ],
)
async def test_a_form_does_its_one_thing_and_leads_to_what_it_changed(
    inside: httpx.AsyncClient,
    behind: Everything,
    path: str,
    form: dict[str, str],
    did: tuple[str, ...],
    leads: str,
) -> None:
    answer = await inside.post(path, data=form)

    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    assert behind.did == [did]
    assert (await inside.get(path)).status_code in {404, 405}


async def test_a_form_of_another_page_does_nothing(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"queue_id": "q"}
    for origin in ("http://evil.example", "null", f"https://{HOST}"):
        answer = await inside.post("/outbox/cancel", data=form, headers={"origin": origin})
        assert answer.status_code == 403
    named = await inside.post("/outbox/cancel", data=form, headers={"host": "evil.example:1180"})

    assert named.status_code == 421
    assert behind.did == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"queue_id=a&queue_id=b", "application/x-www-form-urlencoded"),
        (b"queue_id=%ff", "application/x-www-form-urlencoded"),
        (b"queue_id=" + b"a" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"%d=1" % n for n in range(40)), "application/x-www-form-urlencoded"),
        (b'{"queue_id": "a"}', "application/json"),
        (b"queue_id=a", "text/plain"),
    ],
)
async def test_what_is_no_form_of_ours_is_refused_in_a_sentence(
    inside: httpx.AsyncClient, behind: Everything, sent: bytes, kind: str
) -> None:
    answer = await inside.post("/outbox/cancel", content=sent, headers={"content-type": kind})

    assert answer.status_code == 400
    assert "That was not done" in answer.text
    assert behind.did == []


async def test_a_number_that_is_none_is_told(inside: httpx.AsyncClient, behind: Everything) -> None:
    form = {"account": "alice@a.example", "name": "", "uses": "-1", "days": "7"}

    answer = await inside.post("/invitations", data=form)

    assert (answer.status_code, behind.did) == (400, [])
    assert "in digits" in answer.text


@pytest.mark.parametrize(
    ("trouble", "status"), [(Refused(f"no: {EVIL}"), 400), (Unavailable(f"later: {EVIL}"), 503)]
)
async def test_an_error_is_its_sentence(
    inside: httpx.AsyncClient, behind: Everything, trouble: Exception, status: int
) -> None:
    behind.trouble = trouble
    answer = await inside.get("/")

    assert answer.status_code == status
    _inert(answer)


async def test_an_address_that_is_none_and_a_page_that_is_none_are_told(
    inside: httpx.AsyncClient,
) -> None:
    assert (await inside.get("/programs?account=%3Cscript%3E")).status_code == 400
    assert (await inside.get("/contacts")).status_code == 400
    missing = await inside.get("/nothing")
    assert (missing.status_code, "no such page" in missing.text) == (404, True)


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/page.css", "/enter?ticket=wrong"])
async def test_every_answer_tells_the_browser_to_load_nothing_of_others(
    inside: httpx.AsyncClient, path: str
) -> None:
    answer = await inside.get(path)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    # "no-referrer" would make a browser say "Origin: null" of our own forms
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_who_leaves_is_out(inside: httpx.AsyncClient) -> None:
    kept = dict(inside.cookies)
    assert (await inside.post("/leave")).status_code == 200
    inside.cookies.update(kept)

    assert (await inside.get("/")).status_code == 401


async def test_what_is_static_is_ours_and_nothing_beside_it_is_served(
    outside: httpx.AsyncClient,
) -> None:
    assert (await outside.get("/static/page.css")).status_code == 200
    assert (await outside.get("/static/live.js")).status_code == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert "page_app" not in (await outside.get(path)).text


@pytest.mark.parametrize("path", [*READ, CONTACT, "/contacts?account=alice%40a.example"])
async def test_every_page_can_be_read_and_used_without_seeing_or_pointing(
    inside: httpx.AsyncClient, path: str
) -> None:
    text = (await inside.get(path)).text

    assert '<html lang="en">' in text
    assert text.count("<h1") == 1
    assert text.count("<main") == 1
    named = set(re.findall(r'<label for="([^"]+)"', text))
    visible = set(re.findall(r'<(?:input|select) id="([^"]+)"', text))
    assert visible == named
    assert set(re.findall(r"<input (?!id=|type=\"hidden\")", text)) == set()
    for table in re.findall(r"<table>.*?</table>", text, re.DOTALL):
        assert "<caption>" in table
        assert 'scope="row"' in table


def _inert(answer: httpx.Response) -> None:
    text = answer.text
    assert "<script>" not in text
    assert "<img" not in text
    assert " onerror=" not in re.sub(r"&[^;]+;[^<]*", "", text)
    assert "49660049" not in text
    assert " style=" not in text
    for tag in re.findall(r"<script[^>]*>", text):
        assert tag == '<script src="/static/live.js" defer>'


async def test_how_far_an_import_is_is_seen(inside: httpx.AsyncClient) -> None:
    answer = await inside.get(READ[-1])

    assert '<progress max="10" value="3"' in answer.text
    assert "3 of 10 messages, about 2 min left" in answer.text
    assert answer.text.count("<button aria-label") == 2  # pause what runs, go on with what rests


async def test_a_gateway_without_an_account_begins_and_a_locked_one_is_unlocked(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.accounts = 0
    empty = await inside.get("/")
    behind.locked = True
    locked = await inside.get("/")
    opened = await inside.post("/unlock", data={"passphrase": " correct horse"})

    assert empty.headers["location"] == "/begin"
    assert locked.headers["location"] == "/unlock"
    assert (opened.status_code, behind.did[-1]) == (303, ("unlock", "correct horse"))


async def _asked_back(inside: httpx.AsyncClient, shown: str) -> tuple[str, list[int]]:
    """Follow *I have written the words down*; return the check and which words are asked."""
    found = re.search(r'href="(/sheet\?check=[^"]+)"', shown)
    assert found is not None
    asked = await inside.get(found[1])
    places = [int(n) for n in re.findall(r">Word (\d+)</label>", asked.text)]
    return found[1].partition("=")[2], places


async def test_a_restore_waits_until_two_words_of_the_new_sheet_are_typed(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"file": "/disk/b", "words": "old words", "older": "older words"}
    shown = await inside.post("/restore", data=form)
    check, places = await _asked_back(inside, shown.text)
    wrong = await inside.post("/sheet", data={"check": check, "first": "word1", "second": "x"})
    before = list(behind.did)
    right = {"check": check, "first": f" WORD{places[0]} ", "second": f"word{places[1]}"}
    done = await inside.post("/sheet", data=right)
    again = await inside.post("/sheet", data=right)

    assert before == [("begin", "/disk/b", "", "old words", "older words")]
    assert (wrong.status_code, "not what was shown" in wrong.text) == (400, True)
    assert (done.status_code, behind.did[-1]) == (200, ("finish", "token"))
    assert again.status_code == 400


@pytest.mark.parametrize(
    ("path", "form", "did"),
    [
        ("/accounts", {"address": "Alice@a.example", "invite": "code"}, "alice@a.example"),
        ("/begin/trial", {"name": "me"}, "me@me.localhost"),
    ],
)
async def test_the_words_of_a_new_sheet_are_shown_once_with_nothing_else_that_is_secret(
    inside: httpx.AsyncClient, path: str, form: dict[str, str], did: str
) -> None:
    made = await inside.post(path, data=form)
    check, _ = await _asked_back(inside, made.text)
    asked = await inside.get(f"/sheet?check={check}")

    assert made.text.count("<code>abandon</code>") == 24
    assert (did in made.text, did in asked.text) == (True, True)
    assert "Password" not in made.text
    assert "abandon" not in asked.text
    assert made.headers["cache-control"] == "no-store"
    _inert(made)


async def _passed(inside: httpx.AsyncClient, choices: dict[str, str]) -> httpx.Response:
    made = await inside.post("/accounts", data={"address": "a@a.example", "invite": "code"})
    check, _ = await _asked_back(inside, made.text)
    typed = {"check": check, "first": "abandon", "second": "abandon"}
    return await inside.post("/sheet", data=typed | choices)


async def test_a_trial_moves_to_a_real_address_by_its_sheet(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.tries = "me@me.localhost"
    shown = await inside.get("/begin/real")
    form = {"to": "me@a.example", "invite": "code", "words": "abandon abandon"}
    moved = await inside.post("/begin/real", data=form)
    behind.tries = ""
    none = await inside.get("/begin/real")
    refused = await inside.post("/begin/real", data=form)

    assert behind.did == [("move", "me@a.example", "code", "abandon abandon")]
    assert "You are me@a.example now" in moved.text
    assert ('<label for="words"' in shown.text, "There is no trial" in none.text) == (True, True)
    assert refused.status_code == 400


async def test_one_form_asks_for_the_words_the_key_the_program_and_the_first_message(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    choices = {"key": "passphrase", "passphrase": "correct horse", "program": "thunderbird"}
    answer = await _passed(inside, choices | {"trust": "yes", "echo": "yes"})

    assert behind.did[1:] == [
        ("welcome", "True"),
        ("unlock by", "passphrase", "correct horse"),
        ("trust",),
        ("program", "a@a.example", "thunderbird"),
    ]
    assert "is kept by: passphrase" in answer.text
    assert "trusts this gateway now, in 1 of its profiles" in answer.text
    assert 'data-live="/connect?account=a%40a.example&amp;name=thunderbird"' in answer.text
    _inert(answer)


@pytest.mark.parametrize(
    ("choices", "did"),
    [
        ({"key": "file", "program": "mutt", "trust": "yes"}, [("program", "a@a.example", "mutt")]),
        ({"program": "thunderbird"}, [("program", "a@a.example", "thunderbird")]),
    ],
)
async def test_what_is_as_it_was_or_was_not_chosen_is_not_touched(
    inside: httpx.AsyncClient,
    behind: Everything,
    choices: dict[str, str],
    did: list[tuple[str, ...]],
) -> None:
    await _passed(inside, choices)

    assert behind.did[1:] == [("welcome", "False"), *did]


async def test_a_choice_that_fails_is_told_and_what_has_begun_goes_on(
    inside: httpx.AsyncClient, behind: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_method: str, _passphrase: Secret[str]) -> None:
        raise Refused("a passphrase has at least 8 characters")

    monkeypatch.setattr(behind, "unlock_by", refuse)
    behind.computer.trouble = Unavailable("certutil is missing")
    choices = {"key": "passphrase", "passphrase": "x", "program": "thunderbird", "trust": "yes"}
    answer = await _passed(inside, choices)

    assert answer.status_code == 200
    assert "kept as before: a passphrase has at least 8 characters" in answer.text
    assert "certutil is missing" in answer.text
    assert behind.did[-1] == ("program", "a@a.example", "thunderbird")


async def test_a_key_is_asked_for_only_where_there_is_a_choice(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.computer.choices = ()
    made = await inside.post("/accounts", data={"address": "a@a.example", "invite": "code"})
    check, _ = await _asked_back(inside, made.text)

    assert "How the key" not in (await inside.get(f"/sheet?check={check}")).text


async def test_an_import_that_neither_looks_nor_brings_is_refused(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"account": "alice@a.example", "source": "/m", "how": "x"}

    assert (await inside.post("/mail/begin", data=form)).status_code == 400
    assert behind.did == []


async def test_activity_is_a_picture_and_a_table_of_the_same(inside: httpx.AsyncClient) -> None:
    text = (await inside.get("/activity?account=alice%40a.example")).text

    assert text.count("<rect ") == 3 * 29 + 1  # on the first day nothing came
    assert text.count('<tr><th scope="row">') == 30
    assert '<svg class="chart" role="img" aria-labelledby="chart-title"' in text


async def test_contacts_are_saved_as_a_file_of_cards(inside: httpx.AsyncClient) -> None:
    answer = await inside.get("/contacts.vcf?account=alice%40a.example")

    assert answer.headers["content-type"] == "text/vcard; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.vcf"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith("BEGIN:VCARD\r\nVERSION:4.0\r\n")


async def test_the_doctor_of_the_page_says_what_to_do(inside: httpx.AsyncClient) -> None:
    assert "1 of 2 things want something of you" in (await inside.get("/doctor")).text


async def test_a_new_account_asks_two_words_back_and_then_one_question(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    asked = await _passed(inside, {"program": ""})
    said = await inside.post("/begin/rule", data={"account": "a@a.example", "answer": "never"})
    odd = await inside.post("/begin/rule", data={"account": "a@a.example", "answer": "odd"})

    assert asked.headers["location"] == "/connect?account=a%40a.example"
    assert ("welcome", "False") in behind.did
    assert (said.status_code, odd.status_code) == (303, 303)
    assert said.headers["location"] == "/doctor"
    assert behind.did[-1] == ("rule", "a@a.example", "encryption", "required")


async def test_a_sheet_that_nobody_made_is_asked_by_nobody(inside: httpx.AsyncClient) -> None:
    assert (await inside.get("/sheet?check=x")).status_code == 400


async def test_a_mail_program_is_followed_until_all_is_ticked_and_as_long_as_wanted(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    path = "/connect?account=alice%40a.example"
    some = await inside.get(path)
    still = await inside.get(f"{path}&still")
    behind.steps = {step.value: 2 for step in Step}
    done = await inside.get(path)
    other = await inside.get(f"{path}&name=other")
    await inside.post("/connect/echo", data={"account": "alice@a.example"})
    asked = await inside.get(path)

    refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    assert (refresh in some.text, refresh in still.text, refresh in done.text) == (
        True,
        False,
        False,
    )
    assert refresh in asked.text  # all is ticked, and an answer is on its way
    came_back = 2  # the welcome and the answer
    assert some.text.count("✓") == 2 + came_back  # logged in, and so in clear
    assert done.text.count("✓") == 6 + came_back
    assert "2 s after the question" in done.text
    assert "reads and sends through your gateway" not in some.text
    assert "reads and sends through your gateway" in done.text
    assert other.text.count("<h3>") == 1  # of the round trip


async def test_the_answer_with_a_password_shows_its_ticks_from_elsewhere(
    inside: httpx.AsyncClient,
) -> None:
    """The answer of a form can not be renewed itself, and its secret is nowhere else."""
    form = {"account": "alice@a.example", "name": "Mutt", "program": ""}
    made = await inside.post("/programs", data=form)

    assert 'data-live="/connect?account=alice%40a.example&amp;name=Mutt"' in made.text


async def test_ticks_of_an_account_that_is_not_here_are_refused(inside: httpx.AsyncClient) -> None:
    assert (await inside.get("/connect?account=x%40y.example")).status_code == 400


@pytest.mark.parametrize(
    ("state", "says", "offers"),
    [
        (DoorState(served=True, open=True), "is taken", "Refuse ordinary mail"),
        (DoorState(served=True, open=False), "is refused", "Take ordinary mail"),
        (DoorState(served=False, open=False), "has no door", ""),
        (None, "does not answer now", ""),
    ],
)
async def test_the_page_says_how_the_door_is_and_offers_the_other(
    inside: httpx.AsyncClient,
    behind: Everything,
    state: DoorState | None,
    says: str,
    offers: str,
) -> None:
    behind.door = state
    text = (await inside.get(READ[-1])).text

    assert says in text
    assert ("/mail/door" in text) is bool(offers)
    assert offers in text


async def test_a_door_is_open_or_closed_and_nothing_else(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    answer = await inside.post("/mail/door", data={"account": "a@a.example", "state": "ajar"})

    assert (answer.status_code, behind.did) == (400, [])


async def test_a_form_is_somebody_and_a_page_that_renews_itself_is_nobody(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    for _ in range(3):
        await inside.get("/connect?account=alice%40a.example")
    before = behind.heard
    await inside.post("/outbox/retry", data={"queue_id": "q"})

    assert (before, behind.heard) == (0, 1)
