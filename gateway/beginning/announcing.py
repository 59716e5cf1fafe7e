"""A gateway without an address tells the person at its terminal where to go on: in the browser, or by a link."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Final

import segno

# what says that a browser can be shown on this screen, or names one
_SCREENS: Final = ("WAYLAND_DISPLAY", "DISPLAY", "BROWSER")


def announce(
    link: str,
    port: int,
    environment: Mapping[str, str],
    show: Callable[[str], bool],
    say: Callable[[str], None],
) -> None:
    """Have *show* open *link* where there is a screen; else *say* how to come to *port* from another computer."""
    if any(environment.get(name) for name in _SCREENS) and show(link):
        say(f"Your browser shows how to go on. If it does not: {link}")
        return
    picture = io.StringIO()
    segno.make(link, error="l").terminal(out=picture, compact=True)
    say(f"To go on, open {link}")
    say("This computer has no screen? From another one:")
    say(f"  ssh -L {port}:127.0.0.1:{port} you@this-computer")
    say("and open the link there; a telephone that has the tunnel can read it here:")
    say(picture.getvalue().rstrip("\n"))
