"""Templates to answers.  Everything is escaped; a name that is missing is an error."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse


def rendered(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the answer that *template* gives with *values*."""
    return HTMLResponse(_environment().get_template(template).render(**values), status)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.web.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
