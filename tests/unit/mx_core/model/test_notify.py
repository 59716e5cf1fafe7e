"""What is kept of a wish is the wish."""

import pytest

from mx_core.model.notify import AS_USUAL, Notify, NotifyRequest


@pytest.mark.parametrize(
    "wish",
    [
        AS_USUAL,
        NotifyRequest(frozenset()),
        NotifyRequest(frozenset(Notify), "rfc822;Bob@b.example"),
    ],
)
def test_a_wish_survives_being_kept(wish: NotifyRequest) -> None:
    assert NotifyRequest.kept(wish.spelt(), wish.original) == wish


def test_the_words_as_usual_are_those_of_the_schema() -> None:
    assert AS_USUAL.spelt() == "delay,failure"
