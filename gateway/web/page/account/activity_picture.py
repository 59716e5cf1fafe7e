"""Mail by day as a chart in SVG: bars that stand on each other, coloured by the page's own sheet.  Pure.

Numbers and dates alone go in, so no markup can come of it; the same stands beside it as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mx_core.store.people.exchanged import Day

_WIDTH: Final = 20  # of a day, with the gap
_BAR: Final = 14
_HEIGHT: Final = 120
_FOOT: Final = 4


def activity_picture(days: Sequence[Day]) -> str:
    """Return the picture of *days*, the newest at the right."""
    most = max((_all(day) for day in days), default=0) or 1
    bars = "".join(_column(at * _WIDTH, day, most) for at, day in enumerate(days))
    width = len(days) * _WIDTH
    return (
        f'<svg class="chart" role="img" aria-labelledby="chart-title" viewBox="0 0 {width}'
        f' {_HEIGHT + _FOOT}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="chart-title">Messages of each day; the highest bar stands for {most}</title>'
        f'{bars}<line x1="0" y1="{_HEIGHT}" x2="{width}" y2="{_HEIGHT}"/></svg>'
    )


def _all(day: Day) -> int:
    return day.sealed_in + day.ordinary_in + day.out


def _column(x: int, day: Day, most: int) -> str:
    """Return the parts of one day from the ground up; each is told apart by its class."""
    parts, top = [], _HEIGHT
    for name, count in (("sealed", day.sealed_in), ("ordinary", day.ordinary_in), ("out", day.out)):
        if count:
            height = max(1, count * (_HEIGHT - 1) // most)
            top -= height
            parts.append(
                f'<rect class="{name}" x="{x}" y="{top}" width="{_BAR}" height="{height}"/>'
            )
    return "".join(parts)
