"""An echo gives a bounded number of answers an hour, to one and to all."""

from gateway.echo.window import EACH_PER_HOUR, EVERYBODY_PER_HOUR, Window
from mx_core.model.address import Address


def address(n: int) -> Address:
    return Address.parse(f"u{n}@a.example")


def test_one_person_is_answered_so_often_in_an_hour_and_again_in_the_next() -> None:
    window = Window()

    given = [window.admits(address(1), 7200.0 + n) for n in range(EACH_PER_HOUR + 3)]

    assert given == [True] * EACH_PER_HOUR + [False] * 3
    assert window.admits(address(2), 7300.0)
    assert window.admits(address(1), 7200.0 + 3600)


def test_all_together_are_answered_so_often_and_no_more_of_them_are_remembered() -> None:
    window = Window()

    given = [window.admits(address(n), 0.0) for n in range(EVERYBODY_PER_HOUR + 50)]

    assert sum(given) == EVERYBODY_PER_HOUR
    assert len(window._given) == EVERYBODY_PER_HOUR
