"""What an account did of late, its devices, and whom it knows as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.people.address_book import address_book
from gateway.web.behind import Behind
from gateway.web.control.account.recovery import told_devices
from gateway.web.page.account.activity_picture import activity_picture
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address

DAYS: Final = 30
_DAY_SECONDS: Final = 86_400


def activity_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def activity(request: Request) -> Response:
        whose = _asked(request)
        days = await behind.migrating(whose).dial.days(DAYS)
        return rendered(
            "activity.html",
            address=str(whose),
            picture=activity_picture([day for _, day in days]),
            rows=[
                (f"{datetime.fromtimestamp(number * _DAY_SECONDS, UTC):%Y-%m-%d}", day)
                for number, day in reversed(days)
                if day.sealed_in or day.ordinary_in or day.out
            ],
        )

    async def devices(request: Request) -> Response:
        whose = _asked(request)
        told = told_devices(behind.recoverable(whose).own)
        return rendered("devices.html", address=str(whose), devices=told)

    async def book(request: Request) -> Response:
        cards = address_book(await behind.contacts(_asked(request)))
        saved = {"content-disposition": 'attachment; filename="contacts.vcf"'}
        return Response(cards, media_type="text/vcard; charset=utf-8", headers=saved)

    return [
        Route("/activity", activity, methods=["GET"]),
        Route("/devices", devices, methods=["GET"]),
        Route("/contacts.vcf", book, methods=["GET"]),
    ]


def _asked(request: Request) -> Address:
    return Address.parse(request.query_params.get("account", ""))
