"""The sheet is asked back, and what follows from it at once: the key, the first mail program, the first mail."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.beginning.computer import CONSEQUENCES, Kept
from gateway.web.behind import Behind
from gateway.web.page.beginning.connect_views import renewing
from gateway.web.page.beginning.sheet_checks import SheetCheck, SheetChecks
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.mail_programs.programs import PROGRAMS, chosen
from mx_core.model.address import Address
from mx_core.model.errors import MailError
from mx_core.model.secret import Secret

_SEE_OTHER: Final = HTTPStatus.SEE_OTHER
_TRUSTING: Final = "thunderbird"  # the program whose profiles are told of the certificate


class Note(Struct, frozen=True):
    """What became of one choice, as a sentence."""

    said: str
    good: bool = True


def sheet_routes(behind: Behind, checks: SheetChecks) -> list[Route]:
    """Return the routes."""

    async def sheet(request: Request) -> Response:
        token = request.query_params.get("check", "")
        return await _asked(behind, token, checks.find(token))

    async def checked(request: Request) -> Response:
        token, first, second, *choices = await read_form(
            request, "check", "first", "second", "key", "passphrase", "program", "trust", "echo"
        )
        check = checks.find(token)
        if not checks.passes(token, [first, second]):
            return await _asked(behind, token, check, wrong=True)
        if check.recovery:
            made = await behind.finish_recovery(check.recovery)
            settings = made["settings"]
            renew = renewing(settings["address"])
            return rendered("restored.html", settings=settings, renew=renew)
        key, passphrase, program, trust, echo = choices
        address = Address.parse(check.account)
        behind.greeted(address).greeting.welcome(ask=echo == "yes")
        notes = [*await _kept(behind, key, passphrase)]
        if not program:
            return RedirectResponse(renewing(check.account), _SEE_OTHER)
        wanted = chosen(program)
        if trust == "yes" and program == _TRUSTING:
            notes += await trusted(behind)
        settings = await behind.new_settings(address, program)
        return rendered(
            "made_program.html",
            name=program,
            settings=settings,
            file=wanted.write(settings),
            place=wanted.place,
            notes=notes,
            renew=renewing(check.account, program),
        )

    async def key(_: Request) -> Response:
        kept = await behind.computer.kept()
        return rendered("key.html", kept=kept, consequences=CONSEQUENCES)

    async def changed(request: Request) -> Response:
        method, passphrase = await read_form(request, "key", "passphrase")
        await behind.unlock_by(method, Secret(passphrase))
        return RedirectResponse("/key", _SEE_OTHER)

    return [
        Route("/sheet", sheet, methods=["GET"]),
        Route("/sheet", checked, methods=["POST"]),
        Route("/key", key, methods=["GET"]),
        Route("/key/keep", changed, methods=["POST"]),
    ]


async def _asked(behind: Behind, token: str, check: SheetCheck, *, wrong: bool = False) -> Response:
    first, second = check.places
    kept = await behind.computer.kept() if check.account else None
    return rendered(
        "sheet.html",
        HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK,
        check=token,
        first=first,
        second=second,
        wrong=wrong,
        account=check.account,
        kept=_asks(kept),
        consequences=CONSEQUENCES,
        programs=list(PROGRAMS),
        profiles=behind.computer.profiles(),
    )


def _asks(kept: Kept | None) -> Kept | None:
    """Return *kept* where there is something to choose."""
    return kept if kept is not None and kept.choices else None


async def _kept(behind: Behind, method: str, passphrase: str) -> list[Note]:
    """Keep the key as was chosen; a refusal is told, and what has begun goes on."""
    if not method or method == (await behind.computer.kept()).now.value:
        return []
    try:
        await behind.unlock_by(method, Secret(passphrase))
    except MailError as error:
        return [Note(f"The key is kept as before: {error}. Choose again under Key.", good=False)]
    return [Note(f"The key of your mail is kept by: {method}.")]


async def trusted(behind: Behind) -> list[Note]:
    """Let Thunderbird trust this gateway, and tell what became of it."""
    try:
        profiles = await behind.computer.trust()
    except MailError as error:
        return [Note(str(error), good=False)]
    return [Note(f"Thunderbird trusts this gateway now, in {profiles} of its profiles.")]
