"""A bar that shows how far an import is, on a terminal; loaded only there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.migration.remaining import spelt

_MIB: Final = 1024 * 1024


@contextmanager
def shown(console: Console | None = None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield what takes the state of the imports, and shows it; the bar goes with the block."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
    )
    bar = Progress(*columns, console=console or Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task("waiting", total=None, more="")

        def show(state: dict[str, Any]) -> None:
            look, progress = state["look"], state["progress"]
            bringing = state["phase"] == "bringing" and progress is not None
            bar.update(
                task,
                description=state["phase"],
                # one looks through what nobody has counted
                total=look["messages"] if bringing else None,
                completed=progress["seen"] if bringing else look["messages"],
                more=_more(state, progress) if bringing else f"{look['octets'] // _MIB} MiB",
            )
            bar.refresh()

        yield show


def _more(state: dict[str, Any], progress: dict[str, Any]) -> str:
    speed = progress["seen"] / max(progress["seconds"], 0.1)
    left = spelt(state["seconds_left"])
    return f"{speed:.0f}/s, {left} left: {escape(progress['folder'])}"
