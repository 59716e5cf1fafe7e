"""The bar on a terminal."""

import io

from rich.console import Console

from gateway.cli.import_bar import shown


def test_it_says_how_far_it_is_and_how_long_it_takes() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    look = {"messages": 1_000, "octets": 5 << 20}
    progress = {"seen": 250, "seconds": 0.5, "folder": "Work [old]"}
    with shown(console) as show:
        show({"phase": "looking", "look": look, "progress": None, "seconds_left": 9})
        show({"phase": "bringing", "look": look, "progress": progress, "seconds_left": 120})
    text = screen.getvalue()

    assert "looking" in text
    assert "250/1000" in text
    assert "500/s, about 2 min left: Work [old]" in text
