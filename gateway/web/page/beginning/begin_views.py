"""The first minutes on the page: who are you, the one question, and a gateway that waits locked."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.recovery.recovering import AskedBack
from gateway.web.behind import Behind
from gateway.web.page.beginning.sheet_checks import SheetChecks
from gateway.web.page.form import read_form
from gateway.web.page.rendering import TRIAL, rendered
from mx_core.model.address import Address
from mx_core.model.secret import Secret

_SEE_OTHER: Final = HTTPStatus.SEE_OTHER
_ROW: Final = 6  # words of a recovery sheet in one line
_ANSWERS: Final = {"ask": "ask", "never": "required", "send": "optional"}


def begin_routes(behind: Behind, checks: SheetChecks) -> list[Route]:
    """Return the routes."""

    async def begin(_: Request) -> Response:
        return rendered("begin.html")

    async def domain(_: Request) -> Response:
        return rendered("own_domain.html")

    async def real(_: Request) -> Response:
        return rendered("real.html")

    async def moved(request: Request) -> Response:
        to, invite, words = await read_form(request, "to", "invite", "words")
        moving = behind.recoverable(Address.parse(behind.trial())).moving
        await moving.begin(Address.parse(to), invite, words)
        return rendered("moved.html", address=to, old="")

    async def trying(_: Request) -> Response:
        return rendered("begin_trial.html")

    async def tried(request: Request) -> Response:
        (name,) = await read_form(request, "name")
        address, words = await behind.add_trial(name)
        TRIAL.set(behind.trial())
        return made_account(address, words, checks)

    async def looked(request: Request) -> Response:
        asked = request.query_params
        typed = asked.get("address", "") or asked.get("domain", "")
        found = await behind.computer.look_up(typed.rpartition("@")[2])
        return rendered("found_domain.html", found=found)

    async def restore(_: Request) -> Response:
        return rendered("restore.html")

    async def restoring(request: Request) -> Response:
        file, address, words, older = await read_form(request, "file", "address", "words", "older")
        begun = await behind.begin_recovery(AskedBack(words, address, file, older))
        check = checks.ask(begun["recovery_words"], begun["token"])
        return rendered(
            "restore_sheet.html",
            address=begun["address"],
            backup=begun["backup_of"] is not None,
            devices=len(begun["devices"]),
            rows=rows_of(begun["recovery_words"]),
            check=check,
        )

    async def rule(_: Request) -> Response:
        told = await behind.status()
        return rendered("begin_rule.html", accounts=told["accounts"])

    async def ruled(request: Request) -> Response:
        account, answer = await read_form(request, "account", "answer")
        if answer in _ANSWERS:
            await behind.set_rule(Address.parse(account), "encryption", _ANSWERS[answer])
        return RedirectResponse("/doctor", _SEE_OTHER)

    async def locked(_: Request) -> Response:
        return rendered("locked.html")

    async def unlocked(request: Request) -> Response:
        [passphrase] = await read_form(request, "passphrase")
        await behind.unlock(Secret(passphrase))
        return RedirectResponse("/", _SEE_OTHER)

    async def lock(_: Request) -> Response:
        await behind.lock()
        return rendered("closed.html")

    return [
        Route("/begin", begin, methods=["GET"]),
        Route("/begin/domain", domain, methods=["GET"]),
        Route("/begin/look", looked, methods=["GET"]),
        Route("/begin/real", real, methods=["GET"]),
        Route("/begin/real", moved, methods=["POST"]),
        Route("/begin/trial", trying, methods=["GET"]),
        Route("/begin/trial", tried, methods=["POST"]),
        Route("/begin/rule", rule, methods=["GET"]),
        Route("/begin/rule", ruled, methods=["POST"]),
        Route("/restore", restore, methods=["GET"]),
        Route("/restore", restoring, methods=["POST"]),
        Route("/unlock", locked, methods=["GET"]),
        Route("/unlock", unlocked, methods=["POST"]),
        Route("/lock", lock, methods=["POST"]),
    ]


def made_account(address: Address, words: str, checks: SheetChecks) -> Response:
    """Return the page of a new account: its sheet, once."""
    check = checks.ask(words, account=str(address))
    return rendered("made_account.html", address=str(address), rows=rows_of(words), check=check)


def rows_of(words: str) -> list[list[str]]:
    """Return the words of a sheet in its rows."""
    typed = words.split()
    return [typed[at : at + _ROW] for at in range(0, len(typed), _ROW)]
