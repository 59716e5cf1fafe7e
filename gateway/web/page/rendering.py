"""Templates to answers.  Everything is escaped; a name that is missing is an error."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from gateway.web.page import words

# the address of a trial, said on every page of one request; set where the request comes in
TRIAL: Final[ContextVar[str]] = ContextVar("trial", default="")


def rendered(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the answer that *template* gives with *values*."""
    page = _environment().get_template(template)
    return HTMLResponse(page.render(trial=TRIAL.get(), words=words, **values), status)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.web.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
