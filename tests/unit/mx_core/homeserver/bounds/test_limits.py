"""Every limit is in the one table, and the page shows the table."""

from __future__ import annotations

from pathlib import Path

from mx_core.homeserver.bounds.limits import LIMITS, rows, table
from mx_core.homeserver.config import Config, Limits, Rates

PAGE = Path(__file__).resolve().parents[5] / "docs" / "spec" / "limits.md"


def test_every_limit_that_can_be_set_is_in_the_table_once() -> None:
    keys = [limit.key for limit in LIMITS if limit.key]
    settable = {f"limits.{field}" for field in Limits.__struct_fields__}
    settable |= {f"rates.{field}" for field in Rates.__struct_fields__ if field != "exempt"}

    assert settable <= set(keys)
    assert len(keys) == len(set(keys))


def test_every_limit_says_what_crosses_it_hears() -> None:
    assert [limit.what for limit in LIMITS if not limit.answer] == []


def test_the_page_is_the_table_of_the_defaults() -> None:
    assert table(Config("a.example")) in PAGE.read_text(encoding="utf-8")


def test_what_is_in_force_is_what_the_configuration_says() -> None:
    config = Config("a.example", rates=Rates(user_per_minute=7))
    shown = {key: value for _, key, value, _ in rows(config)}

    assert shown["rates.user_per_minute"] == "7 a minute"
