"""Contacts on the page: who is known, the words and the code to compare, and what was decided."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.people.code_picture import code_picture
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address

_SEE_OTHER: Final = 303
_ROW: Final = 4  # words in one line


def contact_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def known(request: Request) -> Response:
        address = Address.parse(request.query_params.get("account", ""))
        return rendered(
            "contacts.html",
            address=str(address),
            contacts=await behind.contacts(address),
            invitations=await behind.inviting(address).all(),
        )

    async def one(request: Request) -> Response:
        asked = request.query_params
        address, contact = _both(asked.get("account", ""), asked.get("contact", ""))
        told = await behind.compare_contact(address, contact)
        words = told["words"]
        return rendered(
            "contact.html",
            address=str(address),
            contact=str(contact),
            tier=told["tier"],
            rows=[words[at : at + _ROW] for at in range(0, len(words), _ROW)],
            picture=code_picture(told["code"]),
            code=told["code"],
        )

    async def verified(request: Request) -> Response:
        account, theirs, code = await read_form(request, "account", "contact", "code")
        address, contact = _both(account, theirs)
        await behind.verify_contact(address, contact, code)
        return _back(address, contact)

    async def accepted(request: Request) -> Response:
        address, contact = _both(*await read_form(request, "account", "contact"))
        await behind.accept_contact(address, contact)
        return _back(address, contact)

    return [
        Route("/contacts", known, methods=["GET"]),
        Route("/contact", one, methods=["GET"]),
        Route("/contact/verify", verified, methods=["POST"]),
        Route("/contact/accept", accepted, methods=["POST"]),
    ]


def _both(account: str, contact: str) -> tuple[Address, Address]:
    return Address.parse(account), Address.parse(contact)


def _back(address: Address, contact: Address) -> Response:
    asked = urlencode({"account": str(address), "contact": str(contact)})
    return RedirectResponse(f"/contact?{asked}", _SEE_OTHER)
