"""Bars stand on each other, in proportion, and what is there is seen."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from gateway.web.page.account.activity_picture import activity_picture
from mx_core.store.people.exchanged import Day


def rects(picture: str) -> list[tuple[str, int, int, int]]:
    found = re.findall(
        r'<rect class="(\w+)" x="(\d+)" y="(\d+)" width="14" height="(\d+)"/>', picture
    )
    return [(name, int(x), int(y), int(height)) for name, x, y, height in found]


def test_parts_of_a_day_stand_on_each_other_and_the_highest_day_fills_the_picture() -> None:
    shown = rects(activity_picture([Day(1, 2, 1), Day(), Day(0, 0, 1)]))

    assert shown == [
        ("sealed", 0, 91, 29),
        ("ordinary", 0, 32, 59),
        ("out", 0, 3, 29),
        ("out", 40, 91, 29),
    ]


def test_one_message_beside_thousands_is_seen() -> None:
    shown = rects(activity_picture([Day(5_000, 0, 0), Day(0, 1, 0)]))

    assert shown[1] == ("ordinary", 20, 119, 1)


def test_a_time_without_mail_is_a_picture_too() -> None:
    assert rects(activity_picture([Day()] * 30)) == []
    ET.fromstring(activity_picture([]))  # well formed
