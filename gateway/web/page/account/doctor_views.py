"""What ``mx-gateway doctor`` finds, on the page: the last step of the first minutes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.rendering import rendered


def doctor_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def examined(_: Request) -> Response:
        findings = await behind.computer.examine()
        return rendered("doctor.html", findings=findings, wrong=[one for one in findings if one.do])

    return [Route("/doctor", examined, methods=["GET"])]
