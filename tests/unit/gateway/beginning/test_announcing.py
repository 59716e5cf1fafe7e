"""Who starts an empty gateway sees the page by itself, or how to come to it."""

from __future__ import annotations

import pytest

from gateway.beginning.announcing import announce

LINK = "http://127.0.0.1:1180/enter?ticket=abc"


def announced(environment: dict[str, str], *, shows: bool = True) -> tuple[list[str], str]:
    shown: list[str] = []
    said: list[str] = []

    def show(link: str) -> bool:
        shown.append(link)
        return shows

    announce(LINK, 1180, environment, show, said.append)
    return shown, "\n".join(said)


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"])
def test_where_there_is_a_screen_the_browser_opens_it(name: str) -> None:
    shown, said = announced({name: ":0"})

    assert shown == [LINK]
    assert LINK in said
    assert "ssh" not in said


@pytest.mark.parametrize(
    ("environment", "asked"), [({}, 0), ({"DISPLAY": ""}, 0), ({"DISPLAY": ":0"}, 1)]
)
def test_without_one_there_is_a_link_a_way_to_it_and_a_picture_of_it(
    environment: dict[str, str], asked: int
) -> None:
    shown, said = announced(environment, shows=False)

    assert len(shown) == asked
    assert LINK in said
    assert "ssh -L 1180:127.0.0.1:1180" in said
    assert "▄" in said
